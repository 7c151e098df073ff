import assert from "node:assert/strict";
import { keepListening } from "./keep_listening.ts";

/** How one connection answers each LISTEN: after so many milliseconds, or never. */
type Answers = readonly (number | "never")[];

/** Connections that answer as told; the last answer of each goes on for ever. */
function listening(connections: readonly Answers[], connectTimeout = 60_000) {
  const state = { opened: 0, ended: 0, began: 0 };
  const { stop } = keepListening(
    () => {
      const answers = connections[Math.min(state.opened++, connections.length - 1)]!;
      let asked = 0;
      return {
        async listen() {
          const answer = answers[Math.min(asked++, answers.length - 1)]!;
          await new Promise<void>((resolve) => {
            if (answer !== "never") setTimeout(resolve, answer);
          });
        },
        end: () => Promise.resolve(void state.ended++),
      };
    },
    connectTimeout,
    () => {},
    () => state.began++,
  );
  return { state, [Symbol.asyncDispose]: stop };
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(5);
}

Deno.test("keepListening() listens again within a second where the connection was cut silently", async () => {
  await using cut = listening([[0, "never"], [0]]);
  await until(() => cut.state.began === 1);
  const started = performance.now();
  await until(() => cut.state.began === 2);
  const took = performance.now() - started;
  assert.ok(took < 1_500, `${took} ms`); // A second, and what a busy machine adds.
  assert.deepEqual(cut.state, { opened: 2, ended: 1, began: 2 });
});

Deno.test("keepListening() keeps a connection that answers, however slow it was from the start", async () => {
  await using quick = listening([[0]]);
  await using slow = listening([[900, 700]]);
  await until(() => slow.state.began === 1);
  await pause(2_000);
  for (const { state } of [quick, slow]) {
    assert.deepEqual(state, { opened: 1, ended: 0, began: 1 });
  }
});

Deno.test("keepListening() blames no connection for a process that stood still", async () => {
  await using kept = listening([[0]]);
  await until(() => kept.state.began === 1);
  for (let stall = 0; stall < 3; stall++) {
    const resumed = performance.now() + 1_000;
    while (performance.now() < resumed); // The event loop does not turn.
    await pause(20);
  }
  assert.deepEqual(kept.state, { opened: 1, ended: 0, began: 1 });
});

Deno.test("keepListening() gives up a connection that never listens", async () => {
  await using attempts = listening([["never"], [0]], 250);
  await until(() => attempts.state.began === 1);
  assert.deepEqual(attempts.state, { opened: 2, ended: 1, began: 1 });
});
