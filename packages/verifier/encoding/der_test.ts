import assert from "node:assert/strict";
import { readDer } from "./der.ts";

const read = (...bytes: number[]) => readDer(Uint8Array.from(bytes), 0);
const filled = (...head: number[]) => [...head, ...new Array<number>(300).fill(0)];

Deno.test("readDer() refuses a length that is not in its shortest form", () => {
  assert.equal(read(...filled(0x30, 0x81, 0x7f)), undefined);
  assert.deepEqual(read(...filled(0x30, 0x7f)), { tag: 0x30, start: 2, end: 129 });
  assert.equal(read(...filled(0x30, 0x82, 0x00, 0xff)), undefined);
  assert.deepEqual(read(...filled(0x30, 0x81, 0xff)), { tag: 0x30, start: 3, end: 258 });
  assert.deepEqual(read(...filled(0x30, 0x82, 0x01, 0x00)), { tag: 0x30, start: 4, end: 260 });
});

Deno.test("readDer() refuses an indefinite length, and one of more than two bytes", () => {
  for (const length of [[0x80], [0x83, 0x01, 0x00, 0x00], [0xff]]) {
    assert.equal(read(...filled(0x30, ...length)), undefined);
  }
});

Deno.test("readDer() refuses an element that reaches beyond the bytes", () => {
  for (const bytes of [[], [0x30], [0x30, 2, 0], [0x30, 0x81], [0x30, 0x82, 1]]) {
    assert.equal(read(...bytes), undefined);
  }
  assert.deepEqual(read(0x30, 2, 0, 0), { tag: 0x30, start: 2, end: 4 });
  assert.equal(readDer(Uint8Array.of(0x05, 0), 2), undefined);
});
