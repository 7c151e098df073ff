import type { KeySource, VerifyResult } from "@countersign/verifier";
import { LEAST_LIFETIME } from "../downstream/downstream_token.ts";

/**
 * Seconds that a cache may be late by: nginx and others keep an answer through the whole last second.
 */
const CACHE_GRAIN = 1;

/**
 * Seconds for which a gateway may keep the answer for a verified token: what the registry said may be believed,
 * and the inbound token, its key and the downstream token live, for as long and a second longer. 0 for a
 * `single_use` issuer, for what only observe mode lets through (each is reported), for a provider's token (a cache knows
 * neither of its rule nor of its keys), and where the key source doesn't say how fresh its record is.
 *
 * @param now Milliseconds since the epoch.
 */
export function keepSeconds(
  { claims, record, observed, rule, matchedKey: { kid } }: VerifyResult,
  keySource: KeySource,
  now: number,
): number {
  if (record.policy.singleUse || observed.length > 0 || rule !== undefined) return 0;
  const notAfter = record.keys.find((key) => key.kid === kid)?.notAfter ?? Infinity;
  const left = Math.min(
    (keySource.freshFor?.(record.issuer) ?? 0) / 1000,
    Math.min(claims.exp, notAfter) - now / 1000,
    LEAST_LIFETIME,
  );
  return Math.max(0, Math.floor(left - CACHE_GRAIN));
}
