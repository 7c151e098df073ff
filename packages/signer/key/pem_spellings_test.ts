import { DAMAGED_PEM, PEM_SPELLINGS } from "@countersign/fixture";
import { keyId as registeredKeyId } from "@countersign/verifier";
import assert from "node:assert/strict";
import { SignerError } from "../errors.ts";
import { generateIssuerKeyPair } from "./key_pair.ts";
import { keyId } from "./key_id.ts";
import { decodePem } from "./pem.ts";

const { publicKey, privateKey, kid } = await generateIssuerKeyPair({ algorithm: "EdDSA" });

for (const [name, spell] of Object.entries(DAMAGED_PEM)) {
  Deno.test(`keyId() refuses a key ${name}, as the registry does`, async () => {
    for (const pem of [publicKey, privateKey]) {
      await assert.rejects(keyId(spell(pem)), SignerError);
    }
    await assert.rejects(registeredKeyId(spell(publicKey)));
  });
}

for (const [name, spell] of Object.entries(PEM_SPELLINGS)) {
  Deno.test(`keyId() reads a key ${name}, as the registry does`, async () => {
    for (const pem of [publicKey, privateKey]) assert.equal(await keyId(spell(pem)), kid);
    assert.equal(await registeredKeyId(spell(publicKey)), kid);
  });
}

Deno.test("decodePem() reads hostile text in linear time", () => {
  for (
    const part of ["-----BEGIN A-----", "-----BEGIN ", "\\\\\\\\", "-----BEGIN A-----\\n", " "]
  ) {
    const before = performance.now();
    assert.throws(() => decodePem(part.repeat(60_000 / part.length)), SignerError);
    assert.throws(() => decodePem(part.repeat(4_000_000 / part.length)), SignerError);
    assert.ok(performance.now() - before < 2_000, JSON.stringify(part));
  }
});
