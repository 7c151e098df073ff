import assert from "node:assert/strict";
import { epochColumn } from "./epoch_column.ts";

Deno.test("epochColumn() refuses what is no second, and names the field", () => {
  for (const seconds of [1.5, NaN, Infinity, 2 ** 53, 1e14, Date.now() * 1e6]) {
    assert.throws(() => epochColumn("notAfter", seconds), {
      code: "invalid_argument",
      message: /notAfter/,
    });
  }
  assert.equal(epochColumn("notAfter", 1_800_000_000), "2027-01-15T08:00:00.000Z");
});

Deno.test("epochColumn() tells none from unchanged", () => {
  assert.equal(epochColumn("notAfter", null), null);
  assert.equal(epochColumn("notAfter", undefined), undefined);
  assert.equal(epochColumn("notAfter", 0), "1970-01-01T00:00:00.000Z");
});
