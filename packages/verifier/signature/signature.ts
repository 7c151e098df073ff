import { JWS_ALGORITHMS } from "../key/algorithms.ts";
import { InvalidPublicKeyError, JwtVerificationError } from "../errors.ts";
import type { ParsedToken } from "../token/parse.ts";
import { importPublicKey } from "../key/public_key.ts";
import type { IssuerKey, IssuerRecord } from "../types.ts";

/**
 * Imported keys. Key: the IssuerKey object, which a source replaces when the key changes. Bound and lifetime:
 * those of the source's records. A key that can't be imported is remembered as well, so that it costs nothing
 * more. Staleness: none, the same PEM always imports alike.
 */
const imported = new WeakMap<IssuerKey, CryptoKey | InvalidPublicKeyError>();

const utf8 = new TextEncoder();

/**
 * Finds the key among the candidates that made the token's signature (RFC 7515 §5.2).
 *
 * A registered key that can't be imported verifies nothing, and doesn't get in the way of the others.
 *
 * @throws {JwtVerificationError} `bad_signature`.
 */
export async function verifySignature(
  token: ParsedToken,
  candidates: readonly IssuerKey[],
  record: IssuerRecord,
): Promise<IssuerKey> {
  const signed = utf8.encode(token.signingInput);
  let unusable: InvalidPublicKeyError | undefined;
  for (const key of candidates) {
    const cryptoKey = imported.get(key) ?? await remember(key);
    if (cryptoKey instanceof InvalidPublicKeyError) {
      unusable = cryptoKey;
      continue;
    }
    const { verifyParams } = JWS_ALGORITHMS[key.algorithm];
    const holds = await crypto.subtle.verify(verifyParams, cryptoKey, token.signature, signed)
      // A platform that throws at some signatures must not answer them differently from wrong ones.
      .catch(() => false);
    if (holds) return key;
  }
  throw new JwtVerificationError("bad_signature", "No live key of the issuer made the signature", {
    issuer: record.issuer,
    ...(unusable && { cause: unusable }),
  });
}

async function remember(key: IssuerKey): Promise<CryptoKey | InvalidPublicKeyError> {
  const outcome = await importPublicKey(key.publicKey, key.algorithm).catch((error) => {
    if (error instanceof InvalidPublicKeyError) return error;
    throw error;
  });
  imported.set(key, outcome);
  return outcome;
}
