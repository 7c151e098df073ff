import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { keyTypeOfDer, keyTypeOfJwk } from "./key_type.ts";

const pairs = {
  "RSA": generateKeyPairSync("rsa", { modulusLength: 2048 }),
  "P-256": generateKeyPairSync("ec", { namedCurve: "P-256" }),
  "P-384": generateKeyPairSync("ec", { namedCurve: "P-384" }),
  "Ed25519": generateKeyPairSync("ed25519"),
};
const der = (key: KeyObject, type: "spki" | "pkcs8") =>
  new Uint8Array(Reflect.apply(key.export, key, [{ type, format: "der" }]));

Deno.test("keyTypeOfDer() tells the type of a private and of a public key", () => {
  for (const [type, { publicKey, privateKey }] of Object.entries(pairs)) {
    assert.equal(keyTypeOfDer(der(publicKey, "spki"), "spki"), type);
    assert.equal(keyTypeOfDer(der(privateKey, "pkcs8"), "pkcs8"), type);
  }
});

Deno.test("keyTypeOfDer() takes no key in the other's container", () => {
  const { publicKey, privateKey } = pairs.Ed25519;
  assert.throws(() => keyTypeOfDer(der(publicKey, "spki"), "pkcs8"), { code: "invalid_key" });
  assert.throws(() => keyTypeOfDer(der(privateKey, "pkcs8"), "spki"), { code: "invalid_key" });
});

Deno.test("keyTypeOfDer() refuses a key that is cut short, or longer, at every length", () => {
  const whole = der(pairs["P-256"].publicKey, "spki");
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => keyTypeOfDer(whole.slice(0, length), "spki"), { code: "invalid_key" });
  }
  assert.throws(() => keyTypeOfDer(Uint8Array.of(...whole, 0), "spki"), { code: "invalid_key" });
});

Deno.test("keyTypeOfDer() refuses a type of key that nothing here signs with", () => {
  const ed25519 = der(pairs.Ed25519.publicKey, "spki");
  assert.throws(() => keyTypeOfDer(ed25519.with(8, 0x6e), "spki"), { code: "unsupported_key" });
});

Deno.test("keyTypeOfJwk() refuses a curve that belongs to another type, and a shared secret", () => {
  const wrong = [
    { kty: "oct" },
    { kty: "EC", crv: "Ed25519" },
    { kty: "OKP", crv: "P-256" },
    { kty: "EC", crv: "secp256k1" },
    { kty: "rsa" },
    {},
  ];
  for (const jwk of wrong) {
    assert.throws(() => Reflect.apply(keyTypeOfJwk, undefined, [jwk]), { code: "unsupported_key" });
  }
  assert.equal(keyTypeOfJwk({ kty: "RSA" }), "RSA");
  assert.equal(keyTypeOfJwk({ kty: "EC", crv: "P-384" }), "P-384");
  assert.equal(keyTypeOfJwk({ kty: "OKP", crv: "Ed25519" }), "Ed25519");
});
