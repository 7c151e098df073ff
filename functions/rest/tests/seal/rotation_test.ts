/**
 * The seal's key rotates under load, and refuses nobody: proxies that hear of it at once, that poll
 * Postgres and that poll over REST go on with the old key until they have read the new one.
 */
import { newName } from "@countersign/fixture";
import { inProcess, openStage, ownProcess, type Stage } from "@countersign/fixture/stage";
import assert from "node:assert/strict";

const ROTATIONS = 20;
/** Services that write through each proxy without a pause. */
const WRITERS = 2;

/** Writes until it is stopped, and keeps what was refused. */
async function write(stage: Stage, origin: string, log: Log): Promise<void> {
  // Every other time the same token, whose downstream token is then sent again.
  let again: string | undefined;
  while (!log.stopped) {
    const token = again ?? stage.warehouse.token();
    again = again === undefined ? token : undefined;
    const body = JSON.stringify({ name: newName() });
    const { status, text } = await stage.send({ token, body }, origin);
    if (status === 201) log.written++;
    else log.refused.push(`${status} ${text}`);
  }
}

interface Log {
  stopped: boolean;
  written: number;
  readonly refused: string[];
}

Deno.test("a rotation of the seal's key refuses nobody", async (t) => {
  await using stage = await openStage(inProcess);
  await stage.sql`select countersign.guard_enable()`;
  await stage.target.postgrest.restart();

  await using stack = new AsyncDisposableStack();
  const { SUPABASE_DB_URL: _, ...withoutDatabase } = stage.env;
  const overRest = {
    ...withoutDatabase,
    SUPABASE_SECRET_KEYS: JSON.stringify({ default: stage.target.secretKey }),
  };
  const proxies = [
    { name: "told at once", origin: stage.function.origin },
    {
      name: "polling",
      origin: stack.use(await ownProcess.start({ ...stage.env, COUNTERSIGN_DB_LISTEN: "false" }))
        .origin,
    },
    { name: "over REST", origin: stack.use(await inProcess.start(overRest)).origin },
  ];
  const logs = proxies.map(({ name, origin }) => {
    const log: Log = { stopped: false, written: 0, refused: [] };
    const writers = Array.from({ length: WRITERS }, () => write(stage, origin, log));
    return { name, log, writers };
  });
  /** Lets every proxy write some more. */
  const writesOn = async (more: number) => {
    const before = logs.map(({ log }) => log.written);
    const isDone = () => logs.every(({ log }, at) => log.written >= (before[at] ?? 0) + more);
    while (!isDone() && logs.every(({ log }) => log.refused.length === 0)) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };

  const seen = new Set<unknown>();
  for (let rotation = 0; rotation < ROTATIONS; rotation++) {
    await writesOn(5);
    const [row] = await stage.sql`select countersign.rotate_seal('1 minute') as id`;
    seen.add(row?.["id"]);
  }
  await writesOn(20);
  for (const { log } of logs) log.stopped = true;
  await Promise.all(logs.flatMap(({ writers }) => writers));
  assert.equal(seen.size, ROTATIONS);
  for (const { name, log } of logs) {
    await t.step(name, () => {
      assert.deepEqual(log.refused, []);
      assert.ok(log.written >= ROTATIONS * 5);
    });
  }

  await t.step("once the overlap is over, only the newest key seals", async () => {
    const [row] = await stage.sql`select countersign.rotate_seal('0') as id`;
    // Told at once: nothing is refused even without an overlap, once the proxy has heard of it.
    let status = 0;
    for (let tries = 0; status !== 201 && tries < 200; tries++) {
      ({ status } = await stage.send({ body: JSON.stringify({ name: newName() }) }));
    }
    assert.equal(status, 201);
    const keys = await stage.sql`select id from public.jwt_seal_keys`;
    assert.deepEqual(keys.map(({ id }) => id), [row?.["id"]]);
  });
});
