import assert from "node:assert/strict";
import { docFaults, errorFaults } from "./words.ts";

const doc = (text: string) => `/**\n * ${text.replaceAll("\n", "\n * ")}\n */`;

Deno.test("docFaults() finds other idioms than the agreed ones, and no fault in these", () => {
  const wrong = [
    "Seconds. 5 by default.",
    "Seconds, default 5.",
    "Seconds",
    "Seconds.\n\n@param seconds How many",
    "Seconds.\n\n@throws {RangeError} `too_many`",
    "See {@link Seconds}.",
  ];
  for (const text of wrong) assert.equal(docFaults(doc(text)).length, 1, text);
  const right = [
    "Seconds. Default: 5.",
    "The default role.",
    "Seconds.\n\n@param seconds How many.\n@returns A sum.\n\n@example Without a period\n```ts\nx();\n```",
    "Names:\n- one\n- two",
    "See {@linkcode Seconds}.",
    "`countersign list`",
  ];
  for (const text of right) assert.deepEqual(docFaults(doc(text)), [], text);
});

Deno.test("errorFaults() finds contractions, periods and what was got", () => {
  assert.equal(errorFaults('new TypeError("It can\'t work")').length, 1);
  assert.equal(errorFaults('new TypeError("It does not work.")').length, 1);
  assert.equal(errorFaults("new RangeError(`Expected 5, got ${value}`)").length, 1);
  assert.deepEqual(errorFaults('new TypeError("Expected the issuer\'s name, found none")'), []);
  assert.deepEqual(errorFaults('log("It can\'t work.")'), []);
});
