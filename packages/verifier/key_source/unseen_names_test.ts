import assert from "node:assert/strict";
import { isRefusal } from "../fixtures/tokens.ts";
import type { RegistryAnswer } from "./rest_client.ts";
import { UnseenNames } from "./unseen_names.ts";

/** A registry that answers when it is told to, and its clock. */
class Registry {
  readonly queries: (readonly string[])[] = [];
  readonly registered = new Map<string, RegistryAnswer>();
  time = 0;
  #held: (() => void)[] = [];
  isHeld = false;

  readonly names = new UnseenNames({
    now: () => this.time,
    read: async (issuers) => {
      this.queries.push(issuers);
      if (this.isHeld) await new Promise<void>((resolve) => this.#held.push(resolve));
      return new Map(
        issuers.flatMap((issuer) => {
          const answer = this.registered.get(issuer);
          return answer === undefined ? [] : [[issuer, answer]];
        }),
      );
    },
  });

  release(): void {
    this.isHeld = false;
    for (const go of this.#held.splice(0)) go();
  }
}

const answer: RegistryAnswer = { row: {}, text: "{}" };

Deno.test("UnseenNames gives each of a crowd its own answer", async () => {
  const registry = new Registry();
  registry.registered.set("billing", answer);
  registry.isHeld = true;
  const first = registry.names.load("first");
  const crowd = Array.from({ length: 50 }, (_, index) => registry.names.load(`invented-${index}`));
  const billing = registry.names.load("billing");
  registry.release();
  assert.equal(await first, undefined);
  assert.deepEqual(new Set(await Promise.all(crowd)), new Set([undefined]));
  assert.equal(await billing, answer);
  // Whoever came while the first was under way shares one batch.
  assert.equal(registry.queries.flat().length, 52);
  assert.ok(registry.queries.length <= 1 + 5, `${registry.queries.length} queries`);
});

Deno.test("UnseenNames answers a name that no URL spells by itself, and those beside it as ever", async () => {
  const registry = new Registry();
  registry.registered.set("\ud83d\udd11", answer);
  const [lone, key] = await Promise.all(
    ["\ud83d", "\ud83d\udd11"].map((name) => registry.names.load(name)),
  );
  assert.deepEqual([lone, key], [undefined, answer]);
  assert.deepEqual(registry.queries, [["\ud83d\udd11"]]);
});

Deno.test("UnseenNames lets long names keep nobody out", async () => {
  const registry = new Registry();
  registry.registered.set("billing", answer);
  registry.isHeld = true;
  const first = registry.names.load("first");
  // Of these a query's URL holds few.
  const flood = Array.from(
    { length: 500 },
    (_, index) => registry.names.load(`${index}-${"鍵".repeat(250)}`),
  );
  const billing = registry.names.load("billing");
  registry.release();
  await first;
  assert.equal(await billing, answer);
  const at = registry.queries.findIndex((names) => names.includes("billing"));
  assert.ok(at <= 5, `in query ${at}`);
  registry.time += 1_000_000;
  assert.ok(
    registry.queries.every((names) => encodeURIComponent(names.join(",")).length < 8 * 1024),
  );
  void Promise.allSettled(flood);
});

Deno.test("UnseenNames refuses whoever comes while ten thousand wait, and lets the others have their turn", async () => {
  const registry = new Registry();
  registry.isHeld = true;
  const first = registry.names.load("first");
  const waiting = Array.from({ length: 10_000 }, (_, index) => registry.names.load(`${index}`));
  await assert.rejects(
    registry.names.load("late"),
    (error) => isRefusal(error, "registry_overloaded"),
  );
  registry.release();
  assert.equal(await first, undefined);
  void Promise.allSettled(waiting);
});

Deno.test("UnseenNames hands a failed read to those who wait for it, and asks again afterwards", async () => {
  let reads = 0;
  const names = new UnseenNames({
    now: () => 0,
    read: () =>
      reads++ === 0
        ? Promise.reject(new Error("no registry"))
        : Promise.resolve(new Map([["billing", answer]])),
  });
  await assert.rejects(names.load("billing"), /no registry/);
  assert.equal(await names.load("billing"), answer);
});

Deno.test("UnseenNames takes names of registered issuers off no ration", async () => {
  const registry = new Registry();
  for (let index = 0; index < 30; index++) registry.registered.set(`${index}`, answer);
  // The clock stands still: a thirtieth batch within the second goes out only if the others cost nothing.
  for (let index = 0; index < 30; index++) {
    assert.equal(await registry.names.load(`${index}`), answer);
  }
});
