/** A token of a `single_use` issuer commits one write, whoever replays it and through however many proxies. */
import assert from "node:assert/strict";
import { newName } from "./attempt.ts";
import { edgeRuntime, inProcess, ownProcess } from "./hosts.ts";
import { openStage } from "./stage.ts";

const TOKENS = 20;
const REPLAYS_PER_PROXY = 4;

Deno.test("single_use: concurrent replays through three proxies commit one write", async (t) => {
  await using stage = await openStage(inProcess);
  await using more = new AsyncDisposableStack();
  const origins = [
    stage.function.origin,
    more.use(await ownProcess.start(stage.env)).origin,
    more.use(await edgeRuntime.start(stage.env)).origin,
  ];
  await stage.sql`select countersign.guard_enable()`;
  await stage.target.postgrest.restart();
  const replay = async (token: string) => {
    const answers = origins.flatMap((origin) =>
      Array.from({ length: REPLAYS_PER_PROXY }, () => {
        const body = JSON.stringify({ name: newName() });
        return stage.send({ token, body }, origin);
      })
    );
    return await Promise.all(answers);
  };

  await t.step("exactly one of the replays is a write", async () => {
    for (let i = 0; i < TOKENS; i++) {
      const answers = await replay(stage.once.token());
      const written = answers.filter(({ status }) => status === 201);
      assert.equal(written.length, 1);
      for (const answer of answers) {
        if (answer.status === 201) continue;
        assert.deepEqual([answer.status, JSON.parse(answer.text).code], [
          401,
          "token_already_used",
        ]);
      }
    }
    const [row] = await stage.sql`
      select count(*)::int as rows from public.widgets where owner_issuer = 'once'`;
    assert.equal(row?.rows, TOKENS);
  });

  await t.step("a write that fails does not use the token up", async () => {
    const token = stage.once.token();
    const failed = await stage.send({ token, body: JSON.stringify({ name: null }) });
    assert.equal(failed.status, 400);
    assert.equal((await stage.send({ token })).status, 201);
    assert.equal((await stage.send({ token })).status, 401);
  });

  await t.step("reading does not use it up either", async () => {
    const token = stage.once.token();
    const read = { method: "GET", path: "/rest/v1/widgets?limit=1", token };
    assert.equal((await stage.send(read)).status, 200);
    assert.equal((await stage.send(read)).status, 200);
    assert.equal((await stage.send({ token })).status, 201);
  });

  await t.step("the twin: tokens of another issuer write as often as they like", async () => {
    const answers = await replay(stage.trusted.token());
    assert.ok(answers.every(({ status }) => status === 201));
  });
});
