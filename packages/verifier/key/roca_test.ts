import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { hasRocaFingerprint } from "./roca.ts";

Deno.test("hasRocaFingerprint() finds every power of the generator, and hardly anything else", () => {
  let power = 1n;
  for (let times = 0; times < 50; times++) {
    power *= 65_537n;
    assert.equal(hasRocaFingerprint(bytesOf(power)), true);
    assert.equal(hasRocaFingerprint(bytesOf(power + 2n)), false);
  }
  for (let times = 0; times < 20_000; times++) {
    assert.equal(hasRocaFingerprint(crypto.getRandomValues(new Uint8Array(32))), false);
  }
});

Deno.test("hasRocaFingerprint() takes a key of a sound generator for one", () => {
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const { n = "" } = publicKey.export({ format: "jwk" });
  const modulus = Uint8Array.from(
    atob(n.replace(/-/g, "+").replace(/_/g, "/")),
    (c) => c.charCodeAt(0),
  );
  assert.equal(hasRocaFingerprint(modulus), false);
});

function bytesOf(number: bigint): Uint8Array {
  const hex = number.toString(16);
  const even = hex.padStart(hex.length + hex.length % 2, "0");
  return Uint8Array.from(even.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}
