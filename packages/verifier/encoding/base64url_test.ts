import assert from "node:assert/strict";
import { decodeBase64url, encodeBase64url } from "./base64url.ts";

Deno.test("decodeBase64url() refuses a second spelling of the same bytes", () => {
  const spellings: [attack: string, twin: string][] = [
    ["AQ==", "AQ"],
    ["AR", "AQ"], // Spare bits that are not zero
    ["AAF", "AAE"],
    ["-_+/", "-_-_"],
    ["A Q", "AQ"],
    ["AQ\n", "AQ"],
    ["A", "AA"],
    ["AAAAA", "AAAAAA"],
    ["AQé", "AQ"],
    ["ＡＱ", "AQ"],
    ["AQ\0", "AQ"],
    ["\u{1d5d4}Q", "AQ"],
  ];
  for (const [attack, twin] of spellings) {
    assert.equal(decodeBase64url(attack), undefined, attack);
    assert.notEqual(decodeBase64url(twin), undefined, twin);
  }
});

Deno.test("decodeBase64url() reads the examples of RFC 4648 §10, without padding", () => {
  for (
    const [text, spelled] of [["", ""], ["f", "Zg"], ["fo", "Zm8"], ["foo", "Zm9v"], [
      "foob",
      "Zm9vYg",
    ]]
  ) {
    assert.deepEqual(decodeBase64url(spelled!), new TextEncoder().encode(text));
    assert.equal(encodeBase64url(new TextEncoder().encode(text)), spelled);
  }
});
