import assert from "node:assert/strict";
import { describe } from "./describe.ts";

Deno.test("describe() names the kind of a claim, and no text of it", () => {
  const kinds: [unknown, string][] = [
    [undefined, "none"],
    [null, "null"],
    [["secret"], "an array"],
    [{ secret: 1 }, "an object"],
    ["secret", "a string"],
    [true, "a boolean"],
    [1.5, "1.5"],
  ];
  for (const [value, kind] of kinds) assert.equal(describe(value), kind);
});
