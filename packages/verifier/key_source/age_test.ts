import assert from "node:assert/strict";
import { isWithin } from "./age.ts";

Deno.test("isWithin() takes nothing for fresh that a clock which was set back says", () => {
  assert.equal(isWithin(-1, 5_000), false);
  assert.equal(isWithin(0, 5_000), true);
});

Deno.test("isWithin() ends with the lifetime, and takes NaN for no age", () => {
  assert.equal(isWithin(4_999, 5_000), true);
  for (const age of [5_000, Infinity, NaN]) assert.equal(isWithin(age, 5_000), false);
});
