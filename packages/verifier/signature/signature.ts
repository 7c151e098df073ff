import { JWS_ALGORITHMS } from "../key/algorithms.ts";
import { InvalidPublicKeyError, JwtVerificationError } from "../errors.ts";
import type { ParsedToken } from "../token/parse.ts";
import { importPublicKey } from "../key/public_key.ts";
import type { IssuerKey } from "../types.ts";

/**
 * Imported keys. Key: the IssuerKey object, which a source replaces when the key changes. Bound and lifetime:
 * those of the source's records. A key that cannot be used is remembered as well, so that it costs nothing
 * more. Staleness: none, the same PEM always imports alike.
 */
const imported = new WeakMap<IssuerKey, CryptoKey | UnusableKey>();

const utf8 = new TextEncoder();

/** A registered key that nothing can be verified with here. */
class UnusableKey {
  constructor(readonly cause: unknown) {}
}

/**
 * Finds the key among the candidates that made the token's signature (RFC 7515 §5.2).
 *
 * A registered key that cannot be used verifies nothing, and does not get in the way of the others.
 *
 * @throws {JwtVerificationError} `bad_signature`, or `unusable_key` if a candidate cannot be used.
 */
export async function verifySignature(
  token: ParsedToken,
  candidates: readonly IssuerKey[],
  { issuer }: { readonly issuer: string },
): Promise<IssuerKey> {
  const signed = utf8.encode(token.signingInput);
  let unusable: { readonly key: IssuerKey; readonly cause: unknown } | undefined;
  for (const key of candidates) {
    const cryptoKey = imported.get(key) ?? await importOnce(key);
    const holds = cryptoKey instanceof UnusableKey
      ? cryptoKey
      : await verify(key, cryptoKey, token.signature, signed);
    if (holds === true) return key;
    if (holds instanceof UnusableKey) unusable = { key, cause: holds.cause };
  }
  if (unusable === undefined) {
    throw new JwtVerificationError(
      "bad_signature",
      "No live key of the issuer made the signature",
      {
        issuer,
      },
    );
  }
  const { key: { kid }, cause } = unusable;
  throw new JwtVerificationError("unusable_key", "A live key of the issuer cannot be used here", {
    issuer,
    kid,
    cause,
  });
}

async function importOnce(key: IssuerKey): Promise<CryptoKey | UnusableKey> {
  const outcome = await importPublicKey(key.publicKey, key.algorithm).catch((error) => {
    if (error instanceof InvalidPublicKeyError) return new UnusableKey(error);
    throw error;
  });
  imported.set(key, outcome);
  return outcome;
}

/**
 * A platform that throws says nothing about the signature: some throw at a malformed one, some at a key that they
 * imported without a word. Whether a plain wrong signature makes it throw as well tells the two apart.
 */
async function verify(
  key: IssuerKey,
  cryptoKey: CryptoKey,
  signature: BufferSource,
  signed: BufferSource,
): Promise<boolean | UnusableKey> {
  const { verifyParams, signatureBytes } = JWS_ALGORITHMS[key.algorithm];
  const expected = signatureBytes ?? modulusBytes(cryptoKey);
  if (signature.byteLength !== expected) return false;
  try {
    return await crypto.subtle.verify(verifyParams, cryptoKey, signature, signed);
  } catch {
    try {
      await crypto.subtle.verify(verifyParams, cryptoKey, new Uint8Array(expected).fill(1), signed);
      return false;
    } catch (cause) {
      const unusable = new UnusableKey(cause);
      imported.set(key, unusable);
      return unusable;
    }
  }
}

/** RFC 8017 §8.2.2: a signature is as long as the modulus. */
function modulusBytes({ algorithm }: CryptoKey): number {
  const { modulusLength }: { name: string; modulusLength?: number } = algorithm;
  return Math.ceil((modulusLength ?? 0) / 8);
}
