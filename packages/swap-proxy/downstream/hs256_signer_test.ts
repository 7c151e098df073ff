import assert from "node:assert/strict";
import { headerOf, payloadOf } from "@countersign/fixture";
import { ConfigurationError } from "../errors.ts";
import { hs256Signer } from "./hs256_signer.ts";

Deno.test("hs256Signer() refuses a secret below 32 bytes, and repeats none of it", () => {
  for (const secret of ["", "hunter2", "x".repeat(31), new Uint8Array(31)]) {
    assert.throws(() => hs256Signer(secret), (error) => {
      assert.ok(error instanceof ConfigurationError);
      assert.doesNotMatch(error.message, /hunter2|xxx/);
      return true;
    });
  }
  hs256Signer("x".repeat(32));
  // Bytes count, not characters.
  hs256Signer("鍵".repeat(11));
});

Deno.test("hs256Signer() signs without a kid, which Supabase would look up", async () => {
  const token = await hs256Signer("x".repeat(32)).sign({ role: "writer", exp: 1 });
  assert.deepEqual(headerOf(token), { alg: "HS256", typ: "JWT" });
  assert.deepEqual(payloadOf(token), { role: "writer", exp: 1 });
});

Deno.test("hs256Signer() keeps the secret that it was given", async () => {
  const bytes = new Uint8Array(32).fill(7);
  const signer = hs256Signer(bytes);
  const before = await hs256Signer(bytes.slice()).sign({ a: 1 });
  bytes.fill(0);
  assert.equal(await signer.sign({ a: 1 }), before);
});
