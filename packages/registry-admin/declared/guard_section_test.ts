import assert from "node:assert/strict";
import {
  applyDeclaration,
  exportRegistry,
  guardStatus,
  planDeclaration,
  planMigration,
  readDeclaration,
} from "../mod.ts";
import { refused, sql, WAYS, withTarget } from "../fixtures/every_way.ts";

withTarget();

const ON = await readDeclaration("[guard]\nenabled = true\n[issuers.guarded]");
const OFF = await readDeclaration("[guard]\nenabled = false");

for (const [way, target] of Object.entries(WAYS)) {
  if (way.startsWith("REST")) {
    Deno.test(`[guard] is compared, and not set, over ${way}`, async () => {
      assert.deepEqual((await planDeclaration(target(), OFF)).changes, []);
      const { changes } = await planDeclaration(target(), ON);
      assert.deepEqual(changes.map(({ kind }) => kind), ["issuer", "guard"]);
      await refused("invalid_argument", applyDeclaration(target(), ON), /over REST the guard/);
      assert.deepEqual((await planDeclaration(target(), ON)).changes, changes);
      assert.match((await exportRegistry(target())).toml, /^\[guard\]\nenabled = false\n/m);
    });
    continue;
  }
  Deno.test(`[guard] turns it on, and off where loosening is allowed, over ${way}`, async () => {
    const { changes } = await planDeclaration(target(), ON);
    assert.deepEqual(changes.at(-1), {
      action: "change",
      kind: "guard",
      issuer: null,
      kid: null,
      name: null,
      fields: [{ column: "enabled", before: false, after: true }],
      loosens: [],
      row: null,
    });
    await applyDeclaration(target(), ON);
    assert.equal((await guardStatus({ sql })).enabled, true);
    assert.deepEqual((await planDeclaration(target(), ON)).changes, []);
    assert.match((await exportRegistry(target())).toml, /^\[guard\]\nenabled = true\n/m);

    await refused("loosening_refused", applyDeclaration(target(), OFF), /^The guard: /);
    assert.equal((await guardStatus({ sql })).enabled, true);
    await applyDeclaration(target(), OFF, { allowLoosening: true });
    assert.equal((await guardStatus({ sql })).enabled, false);
  });
}

Deno.test("[guard] stays as it is where the rows are refused", async () => {
  const file = await readDeclaration(
    '[guard]\nenabled = true\n[issuers.bad]\nallowed_roles = ["bypasser"]',
  );
  await refused("role_not_allowed", applyDeclaration({ sql }, file, { allowLoosening: true }));
  assert.equal((await guardStatus({ sql })).enabled, false);
});

Deno.test("planMigration() turns the guard on", async () => {
  const migration = planMigration(await planDeclaration({ sql }, ON));
  assert.match(migration, /\nselect countersign\.guard_enable\(\);\n$/);
  await sql.unsafe(migration);
  assert.deepEqual((await planDeclaration({ sql }, ON)).changes, []);
});
