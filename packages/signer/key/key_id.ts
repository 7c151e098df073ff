import { SignerError } from "../errors.ts";
import { decodePem } from "./pem.ts";
import { keyImporter } from "./private_key.ts";
import { idOfPublicKey, idOfSpki, importPublicJwk } from "./public_key.ts";
import type { KeyInput } from "../types.ts";

/**
 * Returns the id of a key, the `kid` that registries and tokens know it by.
 *
 * The id is base64url(SHA-256(SPKI DER)), where SPKI is the SubjectPublicKeyInfo of RFC 5280 §4.1. Both halves
 * of a key pair have the same id. It is not the thumbprint of RFC 7638, and a `kid` inside a JWK is ignored.
 *
 * **Does not** tell whether the key is registered, or strong enough to be.
 *
 * @param key PEM text (PKCS#8 or SPKI), a private or public JWK, or a `CryptoKey`.
 * @returns 43 characters of base64url.
 * @throws {SignerError} `kid_unavailable` for a private `CryptoKey` that is not extractable (its public half
 * has the same id); `invalid_key`, `wrong_key_format`, `encrypted_key`, `unsupported_key` or `weak_key` for a
 * key that cannot be used.
 * @throws {TypeError} When `key` is of another type.
 *
 * @example Both halves have one id
 * ```ts
 * import { generateIssuerKeyPair, keyId } from "@countersign/signer";
 * import assert from "node:assert/strict";
 *
 * const pair = await generateIssuerKeyPair({ algorithm: "ES256" });
 * assert.equal(await keyId(pair.privateKey), pair.kid);
 * assert.equal(await keyId(pair.publicKey), pair.kid);
 * ```
 */
export async function keyId(key: KeyInput): Promise<string> {
  if (typeof key === "string") {
    const { label, der } = decodePem(key);
    if (label === "PUBLIC KEY") return await idOfSpki(der);
  } else if (key instanceof CryptoKey) {
    if (key.type === "public" && key.extractable) return await idOfPublicKey(key);
  } else if (typeof key?.kty === "string" && key.d === undefined) {
    return await idOfPublicKey(await importPublicJwk(key));
  }

  const { kid } = await keyImporter({ privateKey: key })();
  if (kid !== undefined) return kid;
  throw new SignerError(
    "kid_unavailable",
    "Private CryptoKey is not extractable, so its id cannot be computed; pass the public key instead",
  );
}
