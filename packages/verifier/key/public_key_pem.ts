import { InvalidPublicKeyError } from "../errors.ts";
import { readPem, writePem } from "./pem.ts";

/** The longest text that is looked at, in characters. A key of 4096 bits takes 800, and openssl may describe it. */
const MAX_LENGTH = 64 * 1024;
const EXPECTED = 'Expected one PEM block that begins with "-----BEGIN PUBLIC KEY-----"';

/**
 * Reads the DER of the one block `PUBLIC KEY` of a text (RFC 7468 §13).
 *
 * @throws {InvalidPublicKeyError} `not_pem`, `private_key`, `certificate`, `several_blocks`.
 */
export function readPublicKeyPem(text: string) {
  if (typeof text !== "string" || text.length > MAX_LENGTH) {
    throw new InvalidPublicKeyError("not_pem", EXPECTED);
  }
  const blocks = readPem(text);
  const [block] = blocks;
  if (blocks.some(({ label }) => label.endsWith("PRIVATE KEY"))) {
    throw new InvalidPublicKeyError(
      "private_key",
      'Expected a public key, found a private key: keep it secret, and register what "openssl pkey -in issuer.key -pubout" prints',
    );
  }
  if (blocks.length > 1) {
    throw new InvalidPublicKeyError(
      "several_blocks",
      `Expected one PEM block, found ${blocks.length}: register each key separately`,
    );
  }
  if (block?.label === "CERTIFICATE") {
    throw new InvalidPublicKeyError(
      "certificate",
      'Expected a public key, found a certificate: extract its key with "openssl x509 -in issuer.crt -pubkey -noout"',
    );
  }
  if (block?.label === "RSA PUBLIC KEY") {
    throw new InvalidPublicKeyError(
      "not_pem",
      `${EXPECTED}, found PKCS#1: convert it with "openssl rsa -RSAPublicKey_in -in issuer.pub -pubout"`,
    );
  }
  if (/^\s*(?:ssh-|ecdsa-sha2-)/.test(text)) {
    throw new InvalidPublicKeyError(
      "not_pem",
      `${EXPECTED}, found an SSH key: convert it with "ssh-keygen -e -m PKCS8 -f issuer.pub"`,
    );
  }
  if (block?.label !== "PUBLIC KEY" || block.der === undefined) {
    throw new InvalidPublicKeyError(
      "not_pem",
      `${EXPECTED} and contains base64: make it with "openssl pkey -in issuer.key -pubout"`,
    );
  }
  return block.der;
}

/**
 * Spells a public key the way the registry stores it, however it was pasted.
 *
 * **Does not** judge the key; {@linkcode importPublicKey} does.
 *
 * @param text PEM with one block `PUBLIC KEY`: CRLF, written-out `\n`, quotes, text around the block and the base64
 * of the whole are read as well.
 * @returns The block alone, in lines of 64 characters.
 * @throws {InvalidPublicKeyError} `not_pem`, `private_key`, `certificate`, `several_blocks`.
 *
 * @example A key from an environment variable
 * ```ts
 * import assert from "node:assert/strict";
 * import { canonicalPublicKey } from "@countersign/verifier";
 *
 * const variable = "-----BEGIN PUBLIC KEY-----\\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\\n-----END PUBLIC KEY-----";
 * assert.equal(canonicalPublicKey(variable).split("\n").length, 4);
 * ```
 */
export function canonicalPublicKey(text: string): string {
  return writePem("PUBLIC KEY", readPublicKeyPem(text));
}
