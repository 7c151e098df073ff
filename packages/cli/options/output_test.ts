import assert from "node:assert/strict";
import { printable, table } from "./output.ts";

for (
  const [what, text, shown] of [
    ["an escape sequence", "a\u001b[2Kb", "a\\u{1b}[2Kb"],
    ["the 8-bit form of one", "a\u009b2Kb", "a\\u{9b}2Kb"],
    ["a line break", "a\r\nb", "a\\u{d}\\u{a}b"],
    ["marks that turn the direction", "a\u202eb\u2066c\u200fd", "a\\u{202e}b\\u{2066}c\\u{200f}d"],
    ["characters without width", "a\u200bb\ufeffc\u00add", "a\\u{200b}b\\u{feff}c\\u{ad}d"],
    ["invisible tags", "a\u{e0041}b", "a\\u{e0041}b"],
    ["half a character", "a\ud800b", "a\\u{d800}b"],
    ["letters of any script", "größe 請求書 ✓ →", "größe 請求書 ✓ →"],
  ] as const
) {
  Deno.test(`printable() shows ${what} for what it is`, () => {
    assert.equal(printable(text), shown);
  });
}

Deno.test("table() lines up what it shows, not what it was given", () => {
  assert.deepEqual(table(["A", "B"], [["x\u001b", "1"], ["y", "2"]]), [
    "A        B",
    "x\\u{1b}  1",
    "y        2",
  ]);
});
