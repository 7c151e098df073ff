import assert from "node:assert/strict";
import { hasControlCharacter } from "./name.ts";

Deno.test("hasControlCharacter() finds every one of C0, DEL and C1, and nothing else", () => {
  for (let code = 0; code < 0x300; code++) {
    const isControl = code < 0x20 || (code >= 0x7f && code < 0xa0);
    assert.equal(hasControlCharacter(`a${String.fromCharCode(code)}b`), isControl, String(code));
  }
});
