import { ALGORITHMS, isAlgorithm, JWS_ALGORITHMS } from "./algorithms.ts";
import { encodeBase64url } from "../encoding/base64url.ts";
import { InvalidPublicKeyError } from "../errors.ts";
import { readPublicKeyPem } from "./public_key_pem.ts";
import { readSpki } from "./spki.ts";
import type { Algorithm } from "../types.ts";

/**
 * Imports a public key for one algorithm, or says why it can't be trusted with it.
 *
 * The same judgement at registration and at verification: one PEM block `PUBLIC KEY`, strict DER, the type of
 * key and the curve that the algorithm asks for (RFC 7518 §3.1, RFC 8037), RSA of 2048 to 4096 bits with an odd
 * modulus that is no product of a broken generator and an odd exponent from 65537 to 2^32, no Ed25519 point of small
 * order.
 *
 * **Does not** prove that anyone holds the private key, nor that an RSA modulus is a product of two primes.
 *
 * @param pem SubjectPublicKeyInfo in PEM (RFC 7468 §13).
 * @param algorithm The algorithm that the key is registered for.
 * @returns A key that can verify, and can't be exported.
 * @throws {InvalidPublicKeyError} Its `code` says why; its message, how to get a good key.
 *
 * @example Refusing a private key that was pasted by mistake
 * ```ts
 * import assert from "node:assert/strict";
 * import { importPublicKey } from "@countersign/verifier";
 *
 * await assert.rejects(
 *   importPublicKey("-----BEGIN PRIVATE KEY-----\nMC4C…\n-----END PRIVATE KEY-----", "EdDSA"),
 *   { code: "private_key" },
 * );
 * ```
 */
export async function importPublicKey(pem: string, algorithm: Algorithm): Promise<CryptoKey> {
  if (!isAlgorithm(algorithm)) {
    throw new InvalidPublicKeyError(
      "unsupported_algorithm",
      `Expected one of the algorithms ${ALGORITHMS.join(", ")}`,
    );
  }
  const { keyType, importParams, checkKey } = JWS_ALGORITHMS[algorithm];
  const der = readPublicKeyPem(pem);
  const spki = readSpki(der);
  if (spki.keyType !== keyType) {
    throw new InvalidPublicKeyError(
      "wrong_key_type",
      `Expected a key of type ${keyType} for "${algorithm}", found ${spki.keyType}: name the algorithm that the key is for`,
    );
  }
  checkKey(spki.publicKey);
  try {
    return await crypto.subtle.importKey("spki", der, importParams, false, ["verify"]);
  } catch {
    // What the platform says differs from one to the next, and may describe the key.
    throw new InvalidPublicKeyError(
      "malformed_key",
      `Expected a valid ${keyType} public key: make it with "openssl pkey -in issuer.key -pubout"`,
    );
  }
}

/**
 * The id of a public key: base64url(SHA-256(SPKI DER)).
 *
 * Two spellings of one key (line breaks, surrounding white space) have the same id, and no other key has it:
 * so a key belongs to one issuer.
 *
 * **Does not** judge the key; {@linkcode importPublicKey} does.
 *
 * @param pem SubjectPublicKeyInfo in PEM.
 * @returns 43 characters of base64url; what the header's `kid` names (RFC 7515 §4.1.4).
 * @throws {InvalidPublicKeyError} `not_pem`, `private_key`, `certificate`, `several_blocks`.
 *
 * @example The id of a key
 * ```ts
 * import assert from "node:assert/strict";
 * import { keyId } from "@countersign/verifier";
 *
 * const pem = `-----BEGIN PUBLIC KEY-----
 * MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
 * -----END PUBLIC KEY-----`;
 * assert.equal(await keyId(pem), "BuP9j9opu2CrWVV95h7bCuzbIxE0vjDnW0Vfjht5L6k");
 * ```
 */
export async function keyId(pem: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", readPublicKeyPem(pem));
  return encodeBase64url(new Uint8Array(digest));
}
