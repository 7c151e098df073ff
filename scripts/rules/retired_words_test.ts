import assert from "node:assert/strict";
import { messages, prose, retiredWords } from "./retired_words.ts";

const words = (text: string) => retiredWords(text).map(({ word }) => word);

Deno.test("retiredWords() finds a word in any form, over a line break, and not inside another", () => {
  assert.deepEqual(words("Mended, and well\nagain"), ["Mended", "well again"]);
  assert.deepEqual(words("A commendable amendment"), []);
});

Deno.test("retiredWords() lets the user nobody be", () => {
  assert.deepEqual(words('runs as "nobody"'), []);
  assert.deepEqual(words("Nobody runs it"), ["Nobody"]);
});

Deno.test("prose() leaves out what is code", () => {
  assert.deepEqual(words(prose("Use `mend`.\n```sh\nmend\n```\nFix it.")), []);
  assert.deepEqual(words(prose("Mend it.\n```sh\nfix\n```\n")), ["Mend"]);
});

Deno.test("messages() reads strings of every kind, and no comment", () => {
  assert.deepEqual(words(messages('// mend\n/* anew */ const x = "fix";')), []);
  assert.deepEqual(words(messages("throw new Error(`Expected ${x}, made anew`);")), ["anew"]);
  assert.deepEqual(words(messages(`const hint = 'whoever it is';`)), ["whoever"]);
});
