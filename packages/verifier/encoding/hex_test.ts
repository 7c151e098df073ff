import assert from "node:assert/strict";
import { hex } from "./hex.ts";

Deno.test("hex() gives every byte two digits", () => {
  assert.equal(hex(Uint8Array.of(0, 1, 0x0f, 0x10, 0xff)), "00010f10ff");
  assert.equal(hex(new Uint8Array(0)), "");
});
