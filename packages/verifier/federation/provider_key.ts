import { JwtVerificationError } from "../errors.ts";
import { MAX_CANDIDATES } from "../signature/candidate_keys.ts";
import type { ProtectedHeader } from "../token/header.ts";
import type { Algorithm, IssuerKey } from "../types.ts";
import type { ProviderRecord } from "./rule.ts";

/** A key of a provider's key set, of which nothing speaks against verifying with it. */
export interface ProviderKey {
  /** The `kid` that the provider gives it; `undefined` if it has none. */
  readonly providerKid: string | undefined;
  /** Its thumbprint (RFC 7638): the same wherever and under whatever `kid` it is published. */
  readonly thumbprint: string;
  /** By algorithm that it may verify, the key as the signature's check takes it; `kid` is the thumbprint. */
  readonly forAlgorithm: Readonly<Partial<Record<Algorithm, IssuerKey>>>;
}

/** Where a verifier finds the keys of OIDC providers. */
export interface ProviderKeys {
  /**
   * The keys of a provider, at once if they are at hand.
   *
   * @param record The provider, from the registry. Where its keys are is in there, never in a token.
   * @param kid The `kid` of an unverified token, which may be a reason to ask again. Errors must not repeat it.
   * @returns Its usable keys: the same object for as long as nothing changed.
   * @throws {JwtVerificationError} `provider_unavailable`; a promise rejects with the same.
   */
  find(
    record: ProviderRecord,
    kid: string | undefined,
  ): readonly ProviderKey[] | Promise<readonly ProviderKey[]>;
  /** The state of every provider whose keys were asked for, for health checks and metrics. */
  states?(): readonly ProviderState[];
}

/** A provider, and the keys that it has. */
export interface FoundProvider {
  /** Its name. */
  readonly issuer: string;
  readonly provider: ProviderRecord;
  readonly keys: readonly ProviderKey[];
}

/** How a provider's keys stand. */
export interface ProviderState {
  /** The provider's `iss`. */
  readonly provider: string;
  /** `ok`; `stale`: the provider can't be reached and its last keys still serve; `unavailable`: they don't. */
  readonly state: "ok" | "stale" | "unavailable";
  /** How many of its keys can be used. */
  readonly keys: number;
  /** How many keys of its set are refused: weak, of another kind, or with a `kid` that another key has. */
  readonly refusedKeys: number;
  /** Milliseconds since the keys were fetched; `undefined` if they never were. */
  readonly age: number | undefined;
  /** Why the last fetch failed, if it did. */
  readonly failure?: string;
}

/**
 * Chooses the keys that a provider's token may be signed with: those that `kid` names, or else all of that algorithm.
 *
 * @throws {JwtVerificationError} `algorithm_mismatch`, `unknown_key`, `revoked_key`.
 */
export function providerCandidates(
  { alg, kid }: ProtectedHeader,
  { provider: { provider: issuer, algorithms, revokedKids }, keys }: FoundProvider,
): readonly IssuerKey[] {
  if (!algorithms.includes(alg)) {
    throw new JwtVerificationError(
      "algorithm_mismatch",
      "The header names an algorithm that the provider is not registered with",
      { issuer },
    );
  }
  let isNamed = false;
  const candidates: IssuerKey[] = [];
  const revoked: IssuerKey[] = [];
  for (const { providerKid, forAlgorithm } of keys) {
    if (kid !== undefined && providerKid !== kid) continue;
    isNamed = true;
    const key = forAlgorithm[alg];
    if (key === undefined) continue;
    if (revokedKids.includes(key.kid)) revoked.push(key);
    else if (candidates.length < MAX_CANDIDATES) candidates.push(key);
  }
  if (candidates.length > 0) return candidates;
  if (!isNamed) {
    throw new JwtVerificationError("unknown_key", "The provider has no key with that id", {
      issuer,
    });
  }
  const [key, another] = revoked;
  if (key === undefined) {
    throw new JwtVerificationError(
      "algorithm_mismatch",
      "The header names an algorithm that the provider's key is not for",
      { issuer },
    );
  }
  throw new JwtVerificationError("revoked_key", "The provider's key is revoked here", {
    issuer,
    ...(another === undefined && { kid: key.kid }),
  });
}
