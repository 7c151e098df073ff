/**
 * The guard, through several proxies at once: after a revocation has committed no write commits,
 * and a token of a `single_use` issuer commits one write.
 *
 * The proxies' memory may be ten minutes old, and in the race their connection to the registry
 * hangs, so that only the guard stands between the writers and the table. Without the lock that
 * `countersign.check_token()` takes, or the one that a change of the registry takes, the race is
 * lost within a few rounds.
 */
import assert from "node:assert/strict";
import postgres from "postgres";
import { newName, until } from "@countersign/fixture";
import { edgeRuntime, inProcess, openStage, ownProcess } from "@countersign/fixture/stage";
import { late, race, RACE_TABLE, WRITERS } from "./race.ts";

const ROUNDS = 20;
const TOKENS = 20;
const REPLAYS_PER_PROXY = 4;

Deno.test("the guard", async (t) => {
  await using stage = await openStage(inProcess, {
    env: { COUNTERSIGN_MAX_STALENESS: "10m" },
    sql: [RACE_TABLE],
  });
  await using more = new AsyncDisposableStack();
  const origins = [
    stage.function.origin,
    more.use(await ownProcess.start(stage.env)).origin,
    more.use(await edgeRuntime.start(stage.env)).origin,
  ];
  const superuser = postgres(stage.target.superuserUrl, { max: 1, onnotice: () => {} });
  more.defer(() => superuser.end({ timeout: 1 }));
  await superuser`create extension pg_walinspect`;
  const { kid, issuer } = stage.trusted.material;

  /** All proxies know the issuer as active, and hear nothing more. */
  const blindfold = async () => {
    stage.registry.open();
    await stage.sql`update public.jwt_public_keys set is_active = true where kid = ${kid}`;
    await stage.sql`update public.jwt_issuers set is_active = true where issuer = ${issuer}`;
    for (const origin of origins) {
      await until("the proxy knows the issuer as active", async () => {
        const answer = await stage.send({ token: stage.trusted.token() }, origin);
        return answer.status === 201;
      }, 15_000);
    }
    stage.registry.hold();
  };
  const replay = async (token: string) =>
    await Promise.all(origins.flatMap((origin) =>
      Array.from(
        { length: REPLAYS_PER_PROXY },
        () => stage.send({ token, body: JSON.stringify({ name: newName() }) }, origin),
      )
    ));

  await t.step("without it, late writes do commit, and the log shows them", async () => {
    await blindfold();
    const result = await race(stage, superuser, origins, stage.trusted, 0);
    assert.deepEqual(new Set(result.after), new Set([201]));
    assert.ok(late(result).length >= result.after.length);
  });

  await stage.sql`select countersign.guard_enable()`;
  await stage.target.postgrest.restart();

  await t.step(`with it, ${ROUNDS} rounds have no late write and no early refusal`, async () => {
    for (let round = 1; round <= ROUNDS; round++) {
      await blindfold();
      const result = await race(stage, superuser, origins, stage.trusted, round);
      assert.deepEqual(late(result), [], `round ${round}`);
      assert.deepEqual(new Set(result.before), new Set([201]), `round ${round}`);
      assert.deepEqual(new Set(result.after), new Set([401]), `round ${round}`);
      assert.ok(result.writes.size >= WRITERS * 2);
    }
  });
  stage.registry.open();
  for (const origin of origins) {
    for (const issuer of [stage.once, stage.observed]) {
      await until("the proxy reaches its registry again", async () => {
        const read = { method: "GET", path: "/rest/v1/widgets?limit=1", token: issuer.token() };
        return (await stage.send(read, origin)).status === 200;
      }, 15_000);
    }
  }

  await t.step("one of many replays of a single-use token is a write, exactly one", async () => {
    for (let i = 0; i < TOKENS; i++) {
      const answers = await replay(stage.once.token());
      const others = answers.filter(({ status }) => status !== 201);
      assert.equal(others.length, answers.length - 1);
      for (const { status, text } of others) {
        assert.deepEqual([status, JSON.parse(text).code], [401, "token_already_used"]);
      }
    }
    const [row] = await stage.sql`
      select count(*)::int as rows from public.widgets where owner_issuer = 'once'`;
    assert.equal(row?.rows, TOKENS);
  });

  await t.step(
    "a write that fails does not use the token up, and neither does reading",
    async () => {
      const token = stage.once.token();
      const read = { method: "GET", path: "/rest/v1/widgets?limit=1", token };
      const failed = await stage.send({ token, body: JSON.stringify({ name: null }) });
      assert.equal(failed.status, 400);
      assert.equal((await stage.send(read)).status, 200);
      assert.equal((await stage.send(read)).status, 200);
      assert.equal((await stage.send({ token })).status, 201);
      assert.equal((await stage.send({ token })).status, 401);
    },
  );

  await t.step("the token of another issuer writes as often as it likes", async () => {
    const answers = await replay(stage.observed.token());
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([201]));
  });
});
