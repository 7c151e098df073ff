import assert from "node:assert/strict";
import { readClock } from "./clock.ts";

Deno.test("readClock() refuses a clock under which no token would ever expire", () => {
  for (const time of [NaN, Infinity, -Infinity, undefined, "soon"]) {
    assert.throws(() => Reflect.apply(readClock, undefined, [() => time]), TypeError);
  }
  assert.equal(readClock(() => 1_500), 1.5);
});

Deno.test("readClock() reads the system's clock by default", () => {
  const before = Date.now() / 1000;
  const read = readClock();
  assert.ok(before <= read && read <= Date.now() / 1000);
});
