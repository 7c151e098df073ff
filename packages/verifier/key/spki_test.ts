import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { InvalidPublicKeyError } from "../errors.ts";
import { readSpki } from "./spki.ts";

const spki = (key: KeyObject) => new Uint8Array(key.export({ type: "spki", format: "der" }));
const ed25519 = generateKeyPairSync("ed25519");
const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });

function refuses(code: InvalidPublicKeyError["code"], der: Uint8Array): void {
  assert.throws(
    () => readSpki(der),
    (error) => error instanceof InvalidPublicKeyError && error.code === code,
  );
}

Deno.test("readSpki() tells what kind of key it is", () => {
  const kinds: [KeyObject, string, number][] = [
    [rsa.publicKey, "RSA", 270],
    [p256.publicKey, "P-256", 65],
    [generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey, "P-384", 97],
    [ed25519.publicKey, "Ed25519", 32],
  ];
  for (const [key, keyType, bytes] of kinds) {
    const read = readSpki(spki(key));
    assert.deepEqual([read.keyType, read.publicKey.length], [keyType, bytes]);
  }
});

Deno.test("readSpki() knows a private key under any label", () => {
  const forms: [KeyObject, "pkcs8" | "pkcs1" | "sec1"][] = [
    [ed25519.privateKey, "pkcs8"],
    [p256.privateKey, "pkcs8"],
    [rsa.privateKey, "pkcs1"],
  ];
  for (const [key, type] of forms) {
    refuses(
      "private_key",
      new Uint8Array(Reflect.apply(key.export, key, [{ type, format: "der" }])),
    );
  }
});

Deno.test("readSpki() refuses whatever is cut short, longer, or has unused bits", () => {
  const der = spki(ed25519.publicKey);
  for (let length = 0; length < der.length; length++) {
    refuses("malformed_key", der.slice(0, length));
  }
  refuses("malformed_key", Uint8Array.of(...der, 0));
  refuses("malformed_key", der.with(11, 1));
  refuses("malformed_key", der.with(0, 0x31));
});

Deno.test("readSpki() refuses an identifier that it does not know to the byte", () => {
  const der = spki(ed25519.publicKey);
  refuses("unsupported_key_type", der.with(8, 0x72));
  assert.equal(readSpki(der.with(8, 0x71)).keyType, "Ed448");
});
