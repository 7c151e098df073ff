import { InvalidPublicKeyError } from "../errors.ts";
import type { ProviderKey } from "../federation/provider_key.ts";
import { ALGORITHMS, isAlgorithm, JWS_ALGORITHMS } from "../key/algorithms.ts";
import { type ReadJwk, readJwk } from "../key/jwk.ts";
import { readPublicKeyPem } from "../key/public_key_pem.ts";
import { readSpki } from "../key/spki.ts";
import type { JsonObject } from "../token/strict_json.ts";
import type { Algorithm, IssuerKey } from "../types.ts";

/** Most keys of a set. One with more is refused as a whole: it is not the provider's, or not to be paid for. */
export const MAX_KEYS = 50;

/** A key set (RFC 7517 §5), and how many of its keys cannot be used. */
export interface KeySet {
  readonly keys: readonly ProviderKey[];
  readonly refused: number;
}

/**
 * Reads a key set, and leaves out every key that nothing may be verified with: of another kind (`oct` above all, which
 * would be a shared secret), for another use, weak, damaged, or with a `kid` that another key of the set has as well. A bad
 * key never takes a good one with it.
 *
 * @returns `undefined` if it is no key set, or one of more than {@linkcode MAX_KEYS} keys.
 */
export async function readKeySet(jwks: unknown): Promise<KeySet | undefined> {
  const keys = typeof jwks === "object" && jwks !== null ? Reflect.get(jwks, "keys") : undefined;
  if (!Array.isArray(keys) || keys.length > MAX_KEYS) return undefined;
  const read = await Promise.all(keys.map(readKey));
  const usable = distinct(read.filter((key) => key !== undefined));
  return { keys: Object.freeze(usable), refused: keys.length - usable.length };
}

async function readKey(jwk: unknown): Promise<ProviderKey | undefined> {
  if (!isObject(jwk) || !isForVerifying(jwk)) return undefined;
  const { kid, alg } = jwk;
  if (kid !== undefined && typeof kid !== "string") return undefined;
  try {
    const key = await readJwk(jwk);
    const algorithms = alg === undefined ? ALGORITHMS : isAlgorithm(alg) ? [alg] : [];
    const usable = algorithms.filter((algorithm) => isSound(key, algorithm));
    if (usable.length === 0) return undefined;
    return {
      providerKid: kid,
      thumbprint: key.thumbprint,
      forAlgorithm: Object.fromEntries(
        usable.map((algorithm) => [algorithm, issuerKeyOf(key, algorithm)]),
      ),
    };
  } catch (error) {
    if (error instanceof InvalidPublicKeyError) return undefined;
    throw error;
  }
}

/** RFC 7517 §4.2 and §4.3. */
function isForVerifying({ use, key_ops: operations }: JsonObject): boolean {
  return (use === undefined || use === "sig") &&
    (operations === undefined || (Array.isArray(operations) && operations.includes("verify")));
}

function isSound({ keyType, publicKey }: ReadJwk, algorithm: Algorithm): boolean {
  const expected = JWS_ALGORITHMS[algorithm];
  if (expected.keyType !== keyType) return false;
  expected.checkKey(readSpki(readPublicKeyPem(publicKey)).publicKey);
  return true;
}

function issuerKeyOf({ publicKey, thumbprint }: ReadJwk, algorithm: Algorithm): IssuerKey {
  return { kid: thumbprint, algorithm, publicKey, notBefore: null, notAfter: null };
}

/** Which of two keys with one `kid` is meant, nobody can know: neither counts. The same key twice is one. */
function distinct(keys: readonly ProviderKey[]): readonly ProviderKey[] {
  const once = [
    ...new Map(keys.map((key) => [`${key.providerKid} ${key.thumbprint}`, key])).values(),
  ];
  const byKid = Map.groupBy(once, ({ providerKid }) => providerKid);
  return once.filter(({ providerKid }) =>
    providerKid === undefined || byKid.get(providerKid)?.length === 1
  );
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
