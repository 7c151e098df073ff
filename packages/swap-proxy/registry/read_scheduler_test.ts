import assert from "node:assert/strict";
import { makeIssuer } from "@countersign/fixture";
import { ReadScheduler } from "./read_scheduler.ts";

Deno.test("ReadScheduler answers a crowd of unknown names in turns, and who is registered first", async () => {
  const { record: known } = await makeIssuer("service-a");
  const reads = new ReadScheduler({
    read: () =>
      Promise.resolve({
        version: "1",
        sealKey: undefined,
        entry: (name) => name === known.issuer ? known : undefined,
      }),
    onSnapshot: () => {},
    onIssuer: (_issuer, found) => found,
    onUnreadable: () => {},
  }, () => 0);

  // Goes out by itself, and the crowd waits for the read after it.
  const first = reads.load("first", false);
  const answered: string[] = [];
  const crowd = [...Array.from({ length: 50 }, (_, n) => `unknown-${n}`), known.issuer];
  const all = Promise.all(crowd.map(async (name) => {
    await reads.load(name, false);
    answered.push(name);
  }));
  await first;
  const turns: number[] = [];
  while (answered.length < crowd.length) {
    await new Promise((resolve) => setTimeout(resolve));
    turns.push(answered.length);
  }
  await all;
  assert.equal(answered[0], known.issuer);
  assert.ok(turns.length >= 10, `all were answered in ${turns.length} turns`);
  reads.close();
});
