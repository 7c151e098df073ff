import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { SignerError, type SignerErrorCode } from "../errors.ts";
import { decodePem } from "./pem.ts";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const encrypted = { cipher: "aes-256-cbc", passphrase: "passphrase" };

const RSA_PKCS8 = String(rsa.privateKey.export({ type: "pkcs8", format: "pem" }));
const RSA_PKCS1 = String(rsa.privateKey.export({ type: "pkcs1", format: "pem" }));
const RSA_SPKI = String(rsa.publicKey.export({ type: "spki", format: "pem" }));
const EC_SEC1 = String(ec.privateKey.export({ type: "sec1", format: "pem" }));

const TO_PKCS8 = "openssl pkcs8 -topk8 -nocrypt -in key.pem -out key.pkcs8.pem";

/** The same key as PKCS#8 is the twin of each: it is accepted in the last test. */
function refuses(text: string, code: SignerErrorCode, ...says: string[]): void {
  assert.throws(() => decodePem(text), (error) => {
    assert.ok(error instanceof SignerError);
    assert.equal(error.code, code);
    for (const words of says) assert.ok(error.message.includes(words), error.message);
    return true;
  });
}

function withLabel(label: string): string {
  return RSA_PKCS8.replaceAll("PRIVATE KEY", label);
}

Deno.test("decodePem() refuses PKCS#1, and names the command that converts it", () => {
  refuses(RSA_PKCS1, "wrong_key_format", "PKCS#1", TO_PKCS8);
});

Deno.test("decodePem() refuses SEC1, also behind its parameters, and names the command", () => {
  const parameters =
    "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
  refuses(EC_SEC1, "wrong_key_format", "SEC1", TO_PKCS8);
  refuses(parameters + EC_SEC1, "wrong_key_format", "SEC1", TO_PKCS8);
});

Deno.test("decodePem() refuses encrypted keys of both kinds, and names the command", () => {
  const pkcs8 = rsa.privateKey.export({ type: "pkcs8", format: "pem", ...encrypted });
  const pkcs1 = rsa.privateKey.export({ type: "pkcs1", format: "pem", ...encrypted });
  const sec1 = ec.privateKey.export({ type: "sec1", format: "pem", ...encrypted });
  for (const key of [pkcs8, pkcs1, sec1]) {
    refuses(String(key), "encrypted_key", "encrypted", TO_PKCS8);
  }
});

Deno.test("decodePem() refuses OpenSSH keys, and says how to get a usable one", () => {
  refuses(
    withLabel("OPENSSH PRIVATE KEY"),
    "wrong_key_format",
    "OpenSSH",
    "openssl genpkey",
    "ssh-keygen -p",
  );
  refuses("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA me@host", "wrong_key_format", "SSH public key");
  refuses("ecdsa-sha2-nistp256 AAAAE2VjZHNh me@host", "wrong_key_format", "SSH public key");
  refuses(withLabel("SSH2 PUBLIC KEY"), "wrong_key_format", "SSH public key");
});

Deno.test("decodePem() refuses whatever else is PEM, and says what it is", () => {
  const pkcs1 = String(rsa.publicKey.export({ type: "pkcs1", format: "pem" }));
  refuses(pkcs1, "wrong_key_format", "PKCS#1 public key", "openssl rsa -RSAPublicKey_in");
  refuses(withLabel("CERTIFICATE"), "wrong_key_format", "a certificate;", "openssl x509");
  refuses(
    withLabel("CERTIFICATE REQUEST"),
    "wrong_key_format",
    "certificate request",
    "openssl req",
  );
  refuses(withLabel("DSA PRIVATE KEY"), "unsupported_key", "DSA");
  refuses(withLabel("PGP MESSAGE"), "invalid_key", "not PEM");
});

Deno.test("decodePem() refuses what is not PEM", () => {
  refuses("", "invalid_key", "not PEM");
  refuses("./my-service.key", "invalid_key", "the path of a file is not read");
  refuses(RSA_PKCS8.slice(0, -30), "invalid_key", "whole");
  refuses(JSON.stringify({ kty: "EC" }), "invalid_key", "JSON.parse");
  refuses(RSA_PKCS8.replace("MII", "M*I"), "invalid_key", "damaged");
  refuses(RSA_PKCS8.replace("-----END P", "-----END X"), "invalid_key", "not PEM");
});

Deno.test("decodePem() refuses two keys at once", () => {
  refuses(RSA_PKCS8 + RSA_SPKI, "invalid_key", "2 PEM blocks");
  refuses(RSA_PKCS8 + RSA_PKCS8, "invalid_key", "2 PEM blocks");
});

Deno.test("decodePem() reads one PKCS#8 or SPKI key, however its lines are broken", () => {
  const der = new Uint8Array(rsa.privateKey.export({ type: "pkcs8", format: "der" }));
  const spellings = [
    RSA_PKCS8,
    RSA_PKCS8.trim(),
    RSA_PKCS8.replaceAll("\n", "\r\n"),
    RSA_PKCS8.replaceAll("\n", "\\n"),
    RSA_PKCS8.replaceAll("\n", "\\r\\n"),
    `\ufeffBag Attributes\n${RSA_PKCS8}`,
  ];
  for (const text of spellings) assert.deepEqual(decodePem(text), { label: "PRIVATE KEY", der });
  assert.equal(decodePem(RSA_SPKI).label, "PUBLIC KEY");
});
