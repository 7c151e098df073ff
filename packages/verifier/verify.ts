import { checkAudience } from "./claims/audience.ts";
import { candidateKeys } from "./signature/candidate_keys.ts";
import { findIssuer } from "./claims/issuer.ts";
import { parseToken, splitToken } from "./token/parse.ts";
import { applyPolicy } from "./claims/policy.ts";
import { verifySignature } from "./signature/signature.ts";
import { checkTimes } from "./claims/times.ts";
import type { Algorithm, IssuerRecord, MultiIssuerJwtClaims, PolicyRefusal } from "./types.ts";
import { recall, remember } from "./verified_token_cache.ts";
import { readClock } from "./clock.ts";
import { checkOptions, type VerifyOptions } from "./verify_options.ts";

/** A token that may be countersigned, and with what. */
export interface VerifyResult {
  /** The claims exactly as the token has them, deeply frozen. `role` is what was claimed, not what was granted. */
  readonly claims: Readonly<MultiIssuerJwtClaims>;
  /** The role that the policy grants: the claimed one, or the default. */
  readonly role: string;
  /** The registered key that made the signature. */
  readonly matchedKey: MatchedKey;
  /** The issuer, as the key source had it. */
  readonly record: IssuerRecord;
  /** What a policy in `observe` mode would have refused. Empty in `enforce` mode. */
  readonly observed: readonly PolicyRefusal[];
}

/** The registered key that made a signature. */
export interface MatchedKey {
  /** The issuer that the key is registered for. */
  readonly issuer: string;
  /** The algorithm that the key is registered for. */
  readonly algorithm: Algorithm;
  /** Always `true`: an inactive key verifies nothing. */
  readonly is_active: true;
  /** The key's id. */
  readonly kid: string;
}

/**
 * Verifies a token against the registry and holds it to its issuer's policy.
 *
 * In this order: size and segments; strict JSON and header; issuer; candidate keys; signature; times;
 * audience; policy (RFC 7515 §5.2, RFC 7519 §7.2, RFC 8725). The registered key decides the algorithm.
 *
 * **Does not**
 * - check `aud` unless `audience` or the issuer's policy says what to expect;
 * - remember used tokens: for a `single_use` issuer it requires a `jti`, and the database counts;
 * - hide by its timing whether an issuer is registered: an unknown one costs no signature check.
 *
 * @param token A JWS in compact serialization.
 * @param options Where to find issuers, and what the target wants.
 * @returns The claims, the role that the policy grants, and the key.
 * @throws {JwtVerificationError} Its `reason` says why the token is refused.
 * @throws {TypeError | RangeError} If the options are wrong.
 *
 * @example Verifying with keys held in memory
 * ```ts
 * import assert from "node:assert/strict";
 * import { memoryKeySource, verifyMultiIssuerJwt } from "@countersign/verifier";
 *
 * const options = { keySource: memoryKeySource([]), audience: "https://ref.supabase.co" };
 * await assert.rejects(
 *   verifyMultiIssuerJwt("eyJhbGciOiJub25lIn0.eyJpc3MiOiJiaWxsaW5nIn0.AA", options),
 *   { reason: "header_not_allowed" },
 * );
 * ```
 */
export async function verifyMultiIssuerJwt(
  token: string,
  options: VerifyOptions,
): Promise<VerifyResult> {
  const { keySource, times } = checkOptions(options);
  const seen = options.cache && recall(options.cache, token);

  const jwt = seen?.jwt ?? parseToken(splitToken(token)); // 1, 2

  const found = findIssuer(jwt.claims["iss"], keySource, options.allowedIssuers); // 3
  const record = found instanceof Promise ? await found : found;

  const now = readClock(options.now); // once the registry has answered, which may have taken seconds
  const candidates = candidateKeys(jwt.header, record, now); // 4

  const isKnown = seen?.record === record && candidates.includes(seen.key);
  const key = isKnown ? seen.key : await verifySignature(jwt, candidates, record); // 5

  const { claims } = jwt;
  const { issuer, policy } = record;
  const { kid, algorithm } = key;
  const matchedKey: MatchedKey = { issuer, algorithm, is_active: true, kid };
  checkTimes(claims, policy, now, times, matchedKey); // 6

  checkAudience(claims, policy, options, matchedKey); // 7

  const { role, observed } = applyPolicy(claims, policy, matchedKey); // 8

  if (options.cache && !isKnown && !policy.singleUse) {
    remember(options.cache, token, { jwt, record, key });
  }
  // Steps 3, 6, 7 and 8 have checked every claim that the type names.
  return { claims: claims as MultiIssuerJwtClaims, role, matchedKey, record, observed };
}
