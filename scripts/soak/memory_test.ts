import assert from "node:assert/strict";
import { COLLECTIONS, growth } from "./memory.ts";

const MB = 1024 * 1024;

/** What a proxy kept at each collection, in MB, and how many descriptors. */
function kept(inUse: (n: number) => number, descriptors: (n: number) => number = () => 40) {
  return Array.from({ length: COLLECTIONS }, (_, n) => ({
    pid: 1,
    resident: 100 * MB,
    heap: inUse(n) * MB - 1_000,
    external: 1_000,
    descriptors: descriptors(n),
    isCollected: true,
  }));
}

Deno.test("growth() finds nothing in what goes up and down", () => {
  assert.deepEqual(growth(kept((n) => n % 2 === 0 ? 14 : 20)), []);
});

Deno.test("growth() does not count what caches take until they are full", () => {
  assert.deepEqual(growth(kept((n) => n < COLLECTIONS / 4 ? 9 : 14)), []);
});

Deno.test("growth() finds what is never given back, also between ups and downs", () => {
  const leaking = growth(kept((n) => 14 + n + (n % 2 === 0 ? 0 : 6)));
  assert.deepEqual(leaking, ["has come to hold 8 MB more"]);
});

Deno.test("growth() finds connections that are never closed, and not a crowd", () => {
  assert.deepEqual(growth(kept(() => 14, (n) => 40 + 5 * n)), [
    "has come to have 40 more descriptors open",
  ]);
  assert.deepEqual(growth(kept(() => 14, (n) => n === COLLECTIONS - 1 ? 140 : 40)), []);
});
