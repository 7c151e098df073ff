import { AUTHORITY, DAMAGED_PEM, PEM_SPELLINGS } from "@countersign/fixture";
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { canonicalCertificates } from "./certificates.ts";
import { writePem } from "./pem.ts";

const certificate = canonicalCertificates(AUTHORITY);
const { privateKey, publicKey } = generateKeyPairSync("ed25519");

for (const [name, spell] of Object.entries(PEM_SPELLINGS)) {
  Deno.test(`canonicalCertificates() reads a certificate ${name}`, () => {
    assert.equal(canonicalCertificates(spell(certificate)), certificate);
  });
}

/** A certificate twice is a bundle; whatever else damages a key damages a certificate. */
const BUNDLES = ["twice"];

for (const [name, spell] of Object.entries(DAMAGED_PEM)) {
  if (BUNDLES.includes(name)) continue;
  Deno.test(`canonicalCertificates() refuses a certificate ${name}`, () => {
    assert.throws(() => canonicalCertificates(spell(certificate)), TypeError);
    assert.equal(canonicalCertificates(certificate), certificate);
  });
}

Deno.test("canonicalCertificates() reads a bundle", () => {
  const bundle = `# prod\r\n${certificate}\n# staging\n${certificate}`;
  assert.equal(canonicalCertificates(bundle), certificate + certificate);
});

Deno.test("canonicalCertificates() refuses what is no certificate, and quotes none of it", () => {
  const secret = String(privateKey.export({ type: "pkcs8", format: "pem" }));
  const other = String(publicKey.export({ type: "spki", format: "pem" }));
  const mislabelled = writePem("CERTIFICATE", new Uint8Array([0x30, 3, 2, 1, 1]));
  for (const text of [secret, certificate + secret, other, mislabelled]) {
    assert.throws(
      () => canonicalCertificates(text),
      (error) => error instanceof TypeError && !error.message.includes(text.slice(40, 60)),
    );
  }
});
