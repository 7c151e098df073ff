/**
 * A revocation, while nginx keeps verdicts. With the guard no write commits after it, by the order of commits in the
 * write-ahead log; without, nothing passes that was sent later than `maxStaleness` after it.
 */
import assert from "node:assert/strict";
import postgres from "postgres";
import { newName, until } from "@countersign/fixture";
import { behindNginx, inProcess, openStage, type Stage } from "@countersign/fixture/stage";
import { late, race, RACE_TABLE, WRITERS } from "../guard/race.ts";

const RACES = 6;
const TOKENS = 10;
const REPLAYS = 8;
const REVOCATIONS = 4;
const MAX_STALENESS = 3_000;
/** Milliseconds that the function's answer may take to nginx, on a busy machine. */
const ON_THE_WAY = 250;

async function reactivate({ sql, trusted, send }: Stage): Promise<void> {
  const { kid, issuer } = trusted.material;
  await sql`update public.jwt_public_keys set is_active = true where kid = ${kid}`;
  await sql`update public.jwt_issuers set is_active = true where issuer = ${issuer}`;
  await until("the function knows the issuer as active", async () => {
    return (await send({ token: trusted.token() })).status === 201;
  }, 15_000);
}

Deno.test("the guard behind nginx", async (t) => {
  await using stage = await openStage(behindNginx(inProcess), {
    env: { COUNTERSIGN_MAX_STALENESS: "10m" },
    sql: [RACE_TABLE],
  });
  await using more = new AsyncDisposableStack();
  const superuser = postgres(stage.target.superuserUrl, { max: 1, onnotice: () => {} });
  more.defer(() => superuser.end({ timeout: 1 }));
  await superuser`create extension pg_walinspect`;
  const origins = [stage.function.origin];

  await t.step("without it a kept verdict does let late writes commit", async () => {
    await reactivate(stage);
    const result = await race(stage, superuser, origins, stage.trusted, 0);
    assert.deepEqual(new Set(result.after), new Set([201]));
    assert.ok(late(result).length >= result.after.length);
  });

  await stage.sql`select countersign.guard_enable()`;
  await stage.target.postgrest.restart();

  await t.step(`with it, ${RACES} rounds have no late write and no early refusal`, async () => {
    for (let round = 1; round <= RACES; round++) {
      await reactivate(stage);
      const result = await race(stage, superuser, origins, stage.trusted, round);
      assert.deepEqual(late(result), [], `round ${round}`);
      assert.deepEqual(new Set(result.before), new Set([201]), `round ${round}`);
      assert.deepEqual(new Set(result.after), new Set([401]), `round ${round}`);
      assert.ok(result.writes.size >= WRITERS * 2);
    }
  });

  await t.step("one of many replays of a single-use token is a write, exactly one", async () => {
    for (let i = 0; i < TOKENS; i++) {
      const token = stage.once.token();
      const answers = await Promise.all(Array.from(
        { length: REPLAYS },
        () => stage.send({ token, body: JSON.stringify({ name: newName() }) }),
      ));
      const codes = answers.map(({ status, text }) =>
        status === 201 ? "written" : JSON.parse(text).code
      );
      assert.deepEqual(codes.toSorted(), [
        ...Array.from({ length: REPLAYS - 1 }, () => "token_already_used"),
        "written",
      ]);
    }
  });
});

Deno.test("without the guard, a kept verdict is no older than the function's memory may be", async (t) => {
  await using stage = await openStage(behindNginx(inProcess), {
    env: { COUNTERSIGN_MAX_STALENESS: `${MAX_STALENESS}ms` },
  });
  for (const way of ["LISTEN", "a registry that hangs"]) {
    await t.step(`with ${way}`, async () => {
      for (let i = 0; i < REVOCATIONS; i++) {
        stage.registry.open();
        await reactivate(stage);
        const token = stage.trusted.token();
        const send = async () => {
          const begun = performance.now();
          const { status } = await stage.send({ token, method: "GET", path: "/rest/v1/widgets" });
          return { begun, status };
        };
        // The revocation comes at another moment of a verdict's life each time.
        const warm = performance.now() + 300 + i * 700;
        while (performance.now() < warm) assert.equal((await send()).status, 200);
        if (way !== "LISTEN") stage.registry.hold();
        const { issuer } = stage.trusted.material;
        await stage.sql`update public.jwt_issuers set is_active = false where issuer = ${issuer}`;
        const revoked = performance.now();
        for (;;) {
          const { begun, status } = await send();
          if (status !== 200) {
            assert.ok(status === 401 || status === 503, `${status}`);
            break;
          }
          const after = Math.round(begun - revoked);
          assert.ok(after <= MAX_STALENESS + ON_THE_WAY, `passed ${after} ms after the revocation`);
        }
        assert.notEqual((await send()).status, 200);
      }
    });
  }
  stage.registry.open();
});
