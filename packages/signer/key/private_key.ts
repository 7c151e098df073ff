import { CompactSign, compactVerify, exportJWK } from "jose";
import { algorithmFor, algorithmOf, checkAlgorithm, importParams } from "./algorithms.ts";
import { SignerError } from "../errors.ts";
import { keyTypeOfDer, keyTypeOfJwk } from "./key_type.ts";
import { decodePem } from "./pem.ts";
import { idOfPublicKey, importPublicJwk, pickMembers, PUBLIC_MEMBERS } from "./public_key.ts";
import type { Algorithm, Jwk, SigningOptions } from "../types.ts";

/** A key ready to sign. `kid` is absent when it can neither be computed nor was given. */
export interface SigningKey {
  readonly key: CryptoKey;
  readonly algorithm: Algorithm;
  readonly kid?: string;
}

type KeyOptions = Pick<SigningOptions, "privateKey" | "algorithm" | "kid">;

/**
 * Checks what can be checked at once, so that a wrong key fails where it is configured, and returns the
 * function that imports it.
 */
export function keyImporter({ privateKey, algorithm, kid }: KeyOptions): () => Promise<SigningKey> {
  // The shape of every id in a registry: 32 bytes in base64url.
  if (kid !== undefined && !/^[A-Za-z0-9_-]{43}$/.test(kid)) {
    throw new SignerError(
      "invalid_kid",
      "Key id is malformed, expected what keyId() returns for the key",
    );
  }
  if (typeof privateKey === "string") return pemImporter(privateKey, algorithm, kid);
  if (privateKey instanceof CryptoKey) return cryptoKeyImporter(privateKey, algorithm, kid);
  if (typeof privateKey?.kty === "string") return jwkImporter(privateKey, algorithm, kid);
  throw new TypeError("Expected the private key as PKCS#8 PEM text, a JWK object or a CryptoKey");
}

function pemImporter(pem: string, requested?: Algorithm, kid?: string): () => Promise<SigningKey> {
  const { label, der } = decodePem(pem);
  if (label !== "PRIVATE KEY") throw notPrivate();
  const algorithm = algorithmFor(keyTypeOfDer(der, "pkcs8"), requested);
  return async () => {
    const key = await checkImported(
      crypto.subtle.importKey("pkcs8", der, importParams(algorithm), true, ["sign"]),
    );
    return { key, algorithm, kid: checkKid(await idOfPrivateKey(key), kid) };
  };
}

function cryptoKeyImporter(
  key: CryptoKey,
  requested?: Algorithm,
  kid?: string,
): () => Promise<SigningKey> {
  if (key.type === "public") throw notPrivate();
  const algorithm = algorithmOf(key);
  if (algorithm === undefined) {
    throw new SignerError(
      "unsupported_key",
      "CryptoKey is not for signing with RS256, RS384, RS512, PS256, ES256, ES384 or EdDSA",
    );
  }
  checkLength(key);
  if (requested !== undefined && checkAlgorithm(requested) !== algorithm) {
    throw new SignerError(
      "algorithm_mismatch",
      `CryptoKey is for "${algorithm}" and cannot sign with "${requested}"`,
    );
  }
  return async () => {
    if (key.extractable) return { key, algorithm, kid: checkKid(await idOfPrivateKey(key), kid) };
    return kid === undefined ? { key, algorithm } : { key, algorithm, kid };
  };
}

function jwkImporter(jwk: Jwk, requested?: Algorithm, kid?: string): () => Promise<SigningKey> {
  // Copied, so that what is imported later is what was checked now.
  const material = pickMembers(jwk, [...PUBLIC_MEMBERS, "d", "p", "q", "dp", "dq", "qi"]);
  const { use = "sig", key_ops: operations = ["sign"] } = jwk;
  const keyType = keyTypeOfJwk(jwk);
  if (jwk.d === undefined) throw notPrivate();
  if (use !== "sig" || !Array.isArray(operations) || !operations.includes("sign")) {
    throw new SignerError(
      "unsupported_key",
      'JWK is not meant for signing, expected "use" to be "sig" and "key_ops" to include "sign"',
    );
  }
  // RFC 9864 §2.2 gives EdDSA with this curve a name of its own.
  const own = jwk.alg === "Ed25519" ? "EdDSA" : jwk.alg;
  if (own !== undefined && requested !== undefined && own !== requested) {
    throw new SignerError(
      "algorithm_mismatch",
      `Algorithm "${requested}" contradicts the "alg" of the JWK`,
    );
  }
  const algorithm = algorithmFor(keyType, requested ?? own);
  return async () => {
    const key = await checkImported(
      crypto.subtle.importKey("jwk", material, importParams(algorithm), true, ["sign"]),
    );
    const publicKey = await importPublicJwk(material, algorithm);
    await checkPair(key, publicKey, algorithm);
    return { key, algorithm, kid: checkKid(await idOfPublicKey(publicKey), kid) };
  };
}

async function checkImported(importing: Promise<CryptoKey>): Promise<CryptoKey> {
  let key: CryptoKey;
  try {
    key = await importing;
  } catch {
    throw damaged();
  }
  checkLength(key);
  return key;
}

async function idOfPrivateKey(key: CryptoKey): Promise<string> {
  let jwk: Jwk;
  try {
    jwk = await exportJWK(key);
  } catch {
    // Deno reads the key only when it first needs it.
    throw damaged();
  }
  return await idOfPublicKey(await importPublicJwk(jwk));
}

/**
 * A JWK states its public half next to its private one, and not every runtime compares them. If they differ,
 * no target can verify the tokens; with RSA, one faulty signature can give the factors away.
 */
async function checkPair(key: CryptoKey, publicKey: CryptoKey, alg: Algorithm): Promise<void> {
  try {
    const probe = await new CompactSign(new Uint8Array()).setProtectedHeader({ alg }).sign(key);
    await compactVerify(probe, publicKey, { algorithms: [alg] });
  } catch {
    throw damaged();
  }
}

function checkKid(computed: string, given: string | undefined): string {
  if (given === undefined || given === computed) return computed;
  throw new SignerError(
    "invalid_kid",
    "Key id is not the id of the private key, expected what keyId() returns for it, or none",
  );
}

/** RFC 7518 §3.3 and §3.5: 2048 bits or more. */
function checkLength(key: CryptoKey): void {
  const { modulusLength }: { name: string; modulusLength?: number } = key.algorithm;
  if (modulusLength === undefined || modulusLength >= 2048) return;
  throw new SignerError(
    "weak_key",
    `RSA key has ${modulusLength} bits, expected 2048 or more; make one with generateIssuerKeyPair()`,
  );
}

function damaged(): SignerError {
  return new SignerError("invalid_key", "Private key is damaged, expected all of one matching key");
}

function notPrivate(): SignerError {
  return new SignerError(
    "not_a_private_key",
    "Key is a public key, expected the private key that belongs to it",
  );
}
