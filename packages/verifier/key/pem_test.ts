import { DAMAGED_PEM, PEM_SPELLINGS } from "@countersign/fixture";
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { keyOf } from "../fixtures/tokens.ts";
import { canonicalPublicKey, importPublicKey, InvalidPublicKeyError, keyId } from "../mod.ts";
import { readPem, writePem } from "./pem.ts";

const { publicKey: ed25519 } = await keyOf("EdDSA");
const rsa = String(
  generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({
    type: "spki",
    format: "pem",
  }),
);

for (const [name, spell] of Object.entries(DAMAGED_PEM)) {
  Deno.test(`canonicalPublicKey() refuses a key ${name}`, async () => {
    for (const pem of [ed25519, rsa]) {
      const damaged = spell(pem);
      assert.throws(() => canonicalPublicKey(damaged), InvalidPublicKeyError);
      await assert.rejects(keyId(damaged), InvalidPublicKeyError);
      assert.equal(canonicalPublicKey(pem), pem);
    }
  });
}

for (const [name, spell] of Object.entries(PEM_SPELLINGS)) {
  Deno.test(`canonicalPublicKey() reads a key ${name}`, async () => {
    for (const pem of [ed25519, rsa]) assert.equal(canonicalPublicKey(spell(pem)), pem);
    assert.equal((await importPublicKey(spell(ed25519), "EdDSA")).type, "public");
  });
}

Deno.test("readPem() finds every block, and the text that it was given in linear time", () => {
  const der = new Uint8Array([1, 2, 3, 4]);
  const text = `one\n${writePem("ONE", der)}two\n${writePem("TWO", der)}-----BEGIN THREE-----\n`;
  assert.deepEqual(readPem(text), [
    { label: "ONE", der },
    { label: "TWO", der },
    { label: "THREE", der: undefined },
  ]);
  for (
    const hostile of ["-----BEGIN A-----", "-----BEGIN ", "\\\\\\\\", "-----BEGIN A-----\\n", " "]
  ) {
    const before = performance.now();
    readPem(hostile.repeat(200_000 / hostile.length));
    assert.ok(performance.now() - before < 1_000, JSON.stringify(hostile));
  }
});

Deno.test("readPem() gives up on a text of a megabyte", () => {
  assert.deepEqual(readPem(`${ed25519}${" ".repeat(1024 * 1024)}`), []);
});
