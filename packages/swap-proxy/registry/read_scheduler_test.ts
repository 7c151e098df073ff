import assert from "node:assert/strict";
import { makeIssuer } from "@countersign/fixture";
import { ReadScheduler, type ReadSchedulerHandlers } from "./read_scheduler.ts";
import type { RegistrySnapshot } from "./registry_snapshot.ts";

const { record: known } = await makeIssuer("service-a");
const snapshot: RegistrySnapshot = {
  version: "1",
  sealKey: undefined,
  entry: (name) => name === known.issuer ? known : undefined,
};

/** A scheduler on a clock that tests move, whose reads they answer. */
function held(handlers: Partial<ReadSchedulerHandlers> = {}) {
  const clock = { now: 1_000_000 };
  const sent: { names: readonly string[]; answer: PromiseWithResolvers<RegistrySnapshot> }[] = [];
  const reads = new ReadScheduler({
    read(names) {
      const answer = Promise.withResolvers<RegistrySnapshot>();
      sent.push({ names, answer });
      return answer.promise;
    },
    onSnapshot: () => {},
    onIssuer: (_issuer, found) => found,
    onUnreadable: () => {},
    ...handlers,
  }, () => clock.now);
  return { reads, sent, clock };
}

Deno.test("ReadScheduler turns away who waits for a read that fails, and who waited for the one after", async () => {
  const { reads, sent, clock } = held();
  const first = reads.load("first", true);
  const second = reads.load("second", true);
  assert.deepEqual(sent.map(({ names }) => names), [["first"]]);
  const failure = new Error("connection lost");
  sent[0]?.answer.reject(failure);
  await assert.rejects(first, failure);
  await assert.rejects(second, failure);
  // Then nothing is read for a while, and who asks is told at once.
  await assert.rejects(reads.load("third", true), failure);
  reads.confirm();
  assert.equal(sent.length, 1);
  clock.now += 60_000;
  const fourth = reads.load(known.issuer, true);
  assert.deepEqual(sent[1]?.names, [known.issuer]);
  sent[1]?.answer.resolve(snapshot);
  assert.equal(await fourth, known);
  reads.close();
});

Deno.test("ReadScheduler turns away who waits when it is closed, and reads nothing after", async () => {
  const { reads, sent } = held();
  const underWay = reads.load("first", true);
  const waiting = reads.load("second", true);
  reads.close();
  await assert.rejects(waiting, /closed/);
  sent[0]?.answer.resolve(snapshot);
  await assert.rejects(underWay, /closed/);
  reads.resume();
  await assert.rejects(reads.load("third", true), /closed/);
  assert.equal(sent.length, 1);
});

Deno.test("ReadScheduler lets one row that cannot be read harm its issuer alone", async () => {
  const unreadable: string[] = [];
  const { reads, sent } = held({ onUnreadable: (issuer) => void unreadable.push(issuer) });
  reads.load("opener", true);
  const broken = reads.load("broken", true);
  const sound = reads.load(known.issuer, true);
  sent[0]?.answer.resolve(snapshot);
  await new Promise((resolve) => setTimeout(resolve));
  const reason = new TypeError("no row of ours");
  sent[1]?.answer.resolve({
    ...snapshot,
    entry(name) {
      if (name === "broken") throw reason;
      return snapshot.entry(name);
    },
  });
  await assert.rejects(broken, reason);
  assert.equal(await sound, known);
  assert.deepEqual(unreadable, ["broken"]);
  reads.close();
});

Deno.test("ReadScheduler hands on an announced change as not current, and reads again for who asks after it", async () => {
  const current: boolean[] = [];
  const { reads, sent } = held({
    onIssuer(_issuer, found, isCurrent) {
      current.push(isCurrent);
      return found;
    },
  });
  for (const announce of [() => reads.announce(known.issuer), () => reads.announceEverything()]) {
    const before = reads.load(known.issuer, true);
    assert.equal(reads.load(known.issuer, true), before);
    announce();
    const after = reads.load(known.issuer, true);
    assert.notEqual(after, before);
    for (const found of [before, after]) {
      sent.at(-1)?.answer.resolve(snapshot);
      assert.equal(await found, known);
    }
  }
  assert.deepEqual(current, [false, true, false, true]);
  assert.equal(sent.length, 4);
  reads.close();
});

Deno.test("ReadScheduler answers a crowd of unknown names in turns, and who is registered first", async () => {
  const reads = new ReadScheduler({
    read: () => Promise.resolve(snapshot),
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
