import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { InvalidPublicKeyError } from "../errors.ts";
import { canonicalPublicKey, readPublicKeyPem } from "./public_key_pem.ts";

const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const pem = String(publicKey.export({ type: "spki", format: "pem" }));
const secret = String(privateKey.export({ type: "pkcs8", format: "pem" }));

/** What people paste, and what is said of it. Text around a key is no mistake. */
const REFUSED: Record<string, [text: string, code: InvalidPublicKeyError["code"]]> = {
  "nothing": ["", "not_pem"],
  "a private key": [secret, "private_key"],
  "a private key after a public one": [pem + secret, "private_key"],
  "two keys": [pem + pem, "several_blocks"],
  "a certificate": [pem.replaceAll("PUBLIC KEY", "CERTIFICATE"), "certificate"],
  "PKCS#1": [pem.replaceAll("PUBLIC KEY", "RSA PUBLIC KEY"), "not_pem"],
  "an SSH key": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI worker@host", "not_pem"],
  "a block without an end": [pem.replace(/-----END.*\n/, ""), "not_pem"],
  "base64url": [pem.replace(/\n./, "\n_"), "not_pem"],
  "64 KB of it": [pem + " ".repeat(64 * 1024), "not_pem"],
};

for (const [name, [text, code]] of Object.entries(REFUSED)) {
  Deno.test(`readPublicKeyPem() refuses ${name}, and repeats none of it`, () => {
    assert.throws(() => readPublicKeyPem(text), (error) => {
      assert.ok(error instanceof InvalidPublicKeyError);
      assert.equal(error.code, code, error.message);
      for (const line of text.split("\n").filter((line) => /^[\w+/=]{16,}$/.test(line))) {
        assert.ok(!error.message.includes(line));
      }
      return true;
    });
    readPublicKeyPem(pem);
  });
}

Deno.test("canonicalPublicKey() gives every spelling of a key one", () => {
  const oneLine = pem.replace(/\n(?!-----END|$)/g, "");
  for (
    const spelling of [
      pem,
      pem.replaceAll("\n", "\r\n"),
      `\ufeff${pem}`,
      ` ${oneLine} `,
      JSON.stringify(pem),
    ]
  ) {
    assert.equal(canonicalPublicKey(spelling), pem);
  }
});
