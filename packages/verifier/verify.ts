import { checkAudience } from "./claims/audience.ts";
import { candidateKeys } from "./signature/candidate_keys.ts";
import { findSigner } from "./claims/issuer.ts";
import { federatedBearer, ownBearer } from "./federation/bearer.ts";
import { providerCandidates } from "./federation/provider_key.ts";
import { parseToken, splitToken } from "./token/parse.ts";
import { applyPolicy } from "./claims/policy.ts";
import { verifySignature } from "./signature/signature.ts";
import { checkTimes } from "./claims/times.ts";
import type { Algorithm, IssuerRecord, MultiIssuerJwtClaims, PolicyRefusal } from "./types.ts";
import { recall, remember } from "./verified_token_cache.ts";
import { readClock } from "./options/clock.ts";
import { checkOptions, type VerifyOptions } from "./options/verify_options.ts";

/** A token that may be countersigned, and with what. */
export interface VerifyResult {
  /**
   * The claims exactly as the token has them, deeply frozen; of a provider's token those that its rule maps. `role` is what
   * was claimed, not what was granted.
   */
  readonly claims: Readonly<MultiIssuerJwtClaims>;
  /** The role that the policy grants: the claimed one, or the default. */
  readonly role: string;
  /** The key that made the signature. */
  readonly matchedKey: MatchedKey;
  /** The issuer, as the key source had it; of a provider's token the one that its rule names. */
  readonly record: IssuerRecord;
  /** What a policy in `observe` mode would have refused. Empty in `enforce` mode. */
  readonly observed: readonly PolicyRefusal[];
  /** The federation rule that a provider's token acts under. */
  readonly rule?: string;
  /** Of a provider's token: rules in `observe` mode that would have let it in as well. */
  readonly observedRules?: readonly string[];
}

/** The key that made a signature. */
export interface MatchedKey {
  /** The issuer that the key is registered for, or that the rule of a provider's token names. */
  readonly issuer: string;
  /** The algorithm that the key is registered for, or that the provider signed with. */
  readonly algorithm: Algorithm;
  /** Always `true`: an inactive key verifies nothing. */
  readonly is_active: true;
  /** The key's id; of a provider's key its thumbprint (RFC 7638). */
  readonly kid: string;
}

/**
 * Verifies a token against the registry and holds it to its issuer's policy.
 *
 * In this order: size and segments; strict JSON and header; issuer; candidate keys; signature; times;
 * audience; policy (RFC 7515 §5.2, RFC 7519 §7.2, RFC 8725). The registered key decides the algorithm.
 *
 * With `providerKeys`, a token may also be an OIDC provider's. Once its signature holds, the one federation rule that it
 * matches turns it into claims of an issuer, which go under that issuer's policy like any others.
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
  const { sources, times } = checkOptions(options);
  const seen = options.cache && recall(options.cache, token);

  const jwt = seen?.jwt ?? parseToken(splitToken(token)); // 1, 2

  const found = findSigner(jwt.claims["iss"], jwt.header.kid, sources); // 3
  const signer = found instanceof Promise ? await found : found;

  const now = readClock(options.now); // once the registry has answered, which may have taken seconds
  const [signed, candidates] = "provider" in signer
    ? [signer.provider, providerCandidates(jwt.header, signer)]
    : [signer, candidateKeys(jwt.header, signer, now)]; // 4

  const isKnown = seen?.record === signed && candidates.includes(seen.key);
  const key = isKnown ? seen.key : await verifySignature(jwt, candidates, signer); // 5

  const acting = "provider" in signer
    ? federatedBearer(
      jwt.claims,
      signer.provider,
      sources,
      key.kid,
      isKnown ? seen.mapped : undefined,
    )
    : ownBearer(jwt.claims, signer, sources);
  const { record, policy, claims, mapped } = acting instanceof Promise ? await acting : acting;
  const { issuer } = record;
  const { kid, algorithm } = key;
  const rule = mapped?.rule.name;
  const matchedKey: MatchedKey = { issuer, algorithm, is_active: true, kid };
  const bearer = rule === undefined ? matchedKey : { ...matchedKey, rule };

  checkTimes(claims, policy, now, times, bearer); // 6

  checkAudience(claims, policy, mapped === undefined ? options : {}, bearer); // 7, or by the rule

  const { role, observed } = applyPolicy(claims, policy, bearer); // 8

  if (options.cache && !policy.singleUse && !(isKnown && seen.mapped === mapped)) {
    remember(options.cache, token, { jwt, record: signed, key, mapped });
  }
  return {
    // Steps 3, 6, 7 and 8 have checked every claim that the type names.
    claims: claims as MultiIssuerJwtClaims,
    role,
    matchedKey,
    record,
    observed,
    ...(mapped && { rule: mapped.rule.name, observedRules: mapped.observedRules }),
  };
}
