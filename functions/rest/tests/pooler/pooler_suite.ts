/**
 * What depends on a session, through a pooler that gives out transactions: LISTEN, how soon a change is seen, and a
 * rotation of the seal's key. The guard needs neither.
 */
import { newName, until } from "@countersign/fixture";
import {
  behindPgBouncer,
  inProcess,
  MAX_STALENESS,
  openStage,
  passes,
  refuses,
  type Stage,
} from "@countersign/fixture/stage";
import assert from "node:assert/strict";

const ROTATIONS = 10;
/** Where PgBouncer listens by default. */
const PGBOUNCER_PORT = 6432;

/** Milliseconds from a revocation's commit until the function refuses the key. */
async function revocationSeen(stage: Stage): Promise<number> {
  const token = stage.warehouse.token();
  const { kid } = stage.warehouse.material;
  await passes(stage, { token });
  await stage.sql`update public.jwt_public_keys set is_active = false where kid = ${kid}`;
  const start = performance.now();
  await until("the key is refused", async () => (await stage.send({ token })).status === 401);
  const took = performance.now() - start;
  await refuses(stage, "revoked_key", { token });
  await stage.sql`update public.jwt_public_keys set is_active = true where kid = ${kid}`;
  await until("the key works again", async () => (await stage.send({ token })).status < 300);
  return took;
}

async function listening(stage: Stage): Promise<number> {
  const rows = await stage
    .sql`select from pg_stat_activity where query ilike 'listen "countersign%'`;
  return rows.length;
}

Deno.test("a function at a pooler's port does not LISTEN, and sees a revocation in time", async () => {
  await using stage = await openStage(behindPgBouncer(inProcess));
  assert(await revocationSeen(stage) < MAX_STALENESS * 1_000 + 500);
  assert.equal(await listening(stage), 0);
});

Deno.test("a function that LISTENs through a pooler, which hears nothing, sees a revocation in time", async () => {
  await using stage = await openStage(behindPgBouncer(inProcess, PGBOUNCER_PORT));
  await passes(stage, {});
  await until("PgBouncer passed the LISTEN on", async () => await listening(stage) > 0);
  for (let round = 0; round < 3; round++) {
    assert(await revocationSeen(stage) < MAX_STALENESS * 1_000 + 500);
  }
});

Deno.test("the guard refuses through a pooler what the function has not heard of yet", async () => {
  await using stage = await openStage(behindPgBouncer(inProcess), {
    env: { COUNTERSIGN_MAX_STALENESS: "10m" },
    sql: ["select countersign.guard_enable()"],
  });
  const token = stage.warehouse.token();
  const write = () => stage.send({ token, body: JSON.stringify({ name: newName() }) });
  assert.equal((await write()).status, 201);
  stage.registry.hold();
  const { issuer } = stage.warehouse.material;
  await stage.sql`update public.jwt_issuers set is_active = false where issuer = ${issuer}`;
  const answer = await write();
  assert.equal(answer.status, 401);
  assert.equal(JSON.parse(answer.text).code, "token_refused");
  // The function has let it through: it was the guard.
  assert.equal(stage.upstream.asked.length, 2);
});

Deno.test("a rotation of the seal's key refuses nobody behind a pooler", async () => {
  await using stage = await openStage(behindPgBouncer(inProcess), {
    sql: ["select countersign.guard_enable()"],
  });
  const refused: string[] = [];
  let written = 0;
  let stopped = false;
  const writers = Array.from({ length: 3 }, async () => {
    while (!stopped) {
      const answer = await stage.send({ body: JSON.stringify({ name: newName() }) });
      if (answer.status === 201) written++;
      else refused.push(answer.wire);
    }
  });
  const writesOn = async (more: number) => {
    const enough = written + more;
    await until("the writers write", () => written >= enough || refused.length > 0, 30_000);
  };
  const sealed = new Set<string>();
  for (let rotation = 0; rotation < ROTATIONS; rotation++) {
    await writesOn(10);
    const [row] = await stage.sql<{ id: string }[]>`
      select countersign.rotate_seal('1 minute') as id`;
    sealed.add(row?.id ?? "");
  }
  await writesOn(20);
  stopped = true;
  await Promise.all(writers);
  assert.deepEqual(refused, []);
  assert.equal(sealed.size, ROTATIONS);
});
