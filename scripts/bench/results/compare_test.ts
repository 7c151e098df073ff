import assert from "node:assert/strict";
import { compare } from "./compare.ts";
import { type Result, result } from "./report.ts";

const latency = (...samples: number[]): Result => result("latency", "ms", "less", samples);

Deno.test("compare() calls a change within the spread none", () => {
  const { moved, still } = compare([latency(1, 2, 3)], [latency(2, 2.5, 4)]);
  assert.deepEqual({ moved, still }, { moved: [], still: ["latency"] });
});

Deno.test("compare() calls a change of less than five per cent none", () => {
  const [before, after] = [latency(99, 100, 101), latency(103, 104, 105)];
  assert.deepEqual(compare([before], [after]).moved, []);
  assert.equal(compare([before], [latency(105, 106, 107)]).moved.length, 1);
});

Deno.test("compare() asks more of a figure that was taken once", () => {
  assert.deepEqual(compare([latency(100)], [latency(119)]).moved, []);
  assert.equal(compare([latency(100)], [latency(120)]).moved.length, 1);
});

Deno.test("compare() knows which way is better", () => {
  const throughput = (value: number) => result("throughput", "/s", "more", [value]);
  const { moved } = compare([latency(10), throughput(10)], [latency(20), throughput(30)]);
  assert.deepEqual(moved.map(({ name, verdict }) => [name, verdict]), [
    ["throughput", "better"],
    ["latency", "worse"],
  ]);
});

Deno.test("compare() names what only one run has", () => {
  const other = result("memory", "MB", "less", [1]);
  const { gone, added } = compare([latency(1)], [other]);
  assert.deepEqual({ gone, added }, { gone: ["latency"], added: ["memory"] });
});

Deno.test("result() is the median between the quartiles", () => {
  const { value, low, high } = latency(5, 1, 4, 2, 3);
  assert.deepEqual({ value, low, high }, { value: 3, low: 2, high: 4 });
});
