import assert from "node:assert/strict";
import { offersScram, saltIn } from "./scram_salt.ts";

/** An Authentication message; `length` may lie. */
function message(type: number, text: string, length = 8 + text.length): Uint8Array {
  const bytes = new Uint8Array(9 + text.length);
  bytes[0] = "R".charCodeAt(0);
  new DataView(bytes.buffer).setInt32(1, length);
  new DataView(bytes.buffer).setInt32(5, type);
  bytes.set(new TextEncoder().encode(text), 9);
  return bytes;
}

const FIRST = "r=countersign1234,s=c2FsdA==,i=4096";

Deno.test("saltIn() reads the salt of the server's first message, and of nothing else", () => {
  assert.equal(saltIn(message(11, FIRST)), "c2FsdA==");
  const others = {
    "no bytes": new Uint8Array(0),
    "a part of the head": message(11, FIRST).subarray(0, 8),
    "the head alone": message(11, FIRST).subarray(0, 9),
    "a length of nothing": message(11, FIRST, 0),
    "a negative length": message(11, FIRST, -(2 ** 31)),
    "another type": message(10, FIRST),
    "no salt": message(11, "r=countersign1234,i=4096"),
    "an empty salt": message(11, "r=countersign1234,s=,i=4096"),
    "another message": message(11, FIRST).fill("E".charCodeAt(0), 0, 1),
  };
  for (const [what, bytes] of Object.entries(others)) assert.equal(saltIn(bytes), undefined, what);
});

Deno.test("saltIn() reads no further than the bytes that came", () => {
  assert.equal(saltIn(message(11, FIRST, 2 ** 31 - 1)), "c2FsdA==");
});

Deno.test("offersScram() takes the mechanism by its whole name", () => {
  assert.equal(offersScram(message(10, "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")), true);
  for (const text of ["SCRAM-SHA-256-PLUS\0\0", "XSCRAM-SHA-256\0\0", ""]) {
    assert.equal(offersScram(message(10, text)), false, text);
  }
  assert.equal(offersScram(message(5, "SCRAM-SHA-256\0\0")), false);
});
