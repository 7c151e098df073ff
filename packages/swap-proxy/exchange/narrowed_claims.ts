import {
  isReservedRole,
  type IssuerPolicy,
  JwtVerificationError,
  type VerifyResult,
} from "@countersign/verifier";
import { type DownstreamClaims, downstreamClaims } from "../downstream/downstream_token.ts";
import { SwapProxyError } from "../errors.ts";
import type { TokenRequest } from "./token_request.ts";

/** Seconds within which an issuer's `maxExchangeLifetime` has to be. */
const LEAST_LIFETIME = 60;
const MOST_LIFETIME = 900;

/** What the target allows beside the issuer's policy. */
export interface ExchangeRules {
  /** What the target calls itself. */
  readonly audience?: string | readonly string[];
  /** Most seconds that any token may live. */
  readonly maxTokenLifetimeSec?: number;
}

/**
 * The claims of the token that a verified one is exchanged for, but for the seal: never more than the verified one's.
 *
 * It has a top-level `iat`, which Realtime wants, beside the one in the mark: that is the issuer's own, so that a cut-off
 * reaches what the issuer signed before it, whenever it was exchanged.
 *
 * @param nowSec Seconds since the epoch.
 * @throws {SwapProxyError} `exchange_not_allowed`, `scope_not_allowed`, `audience_not_allowed`.
 * @throws {JwtVerificationError} `key_not_current`.
 */
export function narrowedClaims(
  verified: VerifyResult,
  request: Pick<TokenRequest, "scope" | "audience">,
  rules: ExchangeRules,
  nowSec: number,
): DownstreamClaims & { readonly exp: number; readonly role: string } {
  const lifetime = lifetimeOf(verified, rules, nowSec);
  const role = roleOf(verified, request.scope);
  const audience = audienceOf(verified, request.audience, rules.audience);
  return {
    ...downstreamClaims(verified, nowSec),
    ...(audience !== undefined && { aud: audience }),
    role,
    iat: nowSec,
    exp: nowSec + lifetime,
  };
}

/** Not for a `single_use` issuer: Storage and Realtime have no guard that would count. */
function lifetimeOf({ record, rule, matchedKey }: VerifyResult, rules: ExchangeRules, now: number) {
  const { policy: { maxExchangeLifetime, singleUse }, keys } = record;
  const isAllowed = typeof maxExchangeLifetime === "number" &&
    maxExchangeLifetime >= LEAST_LIFETIME && !singleUse;
  if (!isAllowed) {
    throw new SwapProxyError("exchange_not_allowed", "The issuer's policy allows no exchange");
  }
  const key = rule === undefined ? keys.find(({ kid }) => kid === matchedKey.kid) : undefined;
  const lifetime = Math.floor(Math.min(
    maxExchangeLifetime,
    MOST_LIFETIME,
    rules.maxTokenLifetimeSec ?? Infinity,
    (key?.notAfter ?? Infinity) - now,
  ));
  if (lifetime >= 1) return lifetime;
  throw new JwtVerificationError("key_not_current", "Expected a key that does not end now", {
    issuer: matchedKey.issuer,
    kid: matchedKey.kid,
  });
}

/** A token that claims no role may ask for any of its issuer's; one that does, or that a rule gave one, only for that. */
function roleOf({ claims, role, rule, record: { policy } }: VerifyResult, scope?: string): string {
  if (scope === undefined || scope === role) return role;
  const isFree = claims.role === undefined && rule === undefined;
  if (isFree && policy.allowedRoles.includes(scope) && !isReservedRole(scope)) return scope;
  throw new SwapProxyError("scope_not_allowed", "The scope is not a role that the token may have");
}

/** One audience that the token names, or might have named, and that is this target's. */
function audienceOf(
  { claims, record: { policy } }: VerifyResult,
  wanted: string | undefined,
  target: ExchangeRules["audience"],
): string | undefined {
  if (wanted === undefined) return undefined;
  const own = ownAudiences(policy, target);
  const named = claims.aud === undefined ? own : [claims.aud].flat();
  if (named.includes(wanted) && own.includes(wanted)) return wanted;
  throw new SwapProxyError("audience_not_allowed", "The audience is not one that the token names");
}

function ownAudiences(policy: IssuerPolicy, target: ExchangeRules["audience"]): readonly string[] {
  return policy.audiences ?? [target ?? []].flat();
}
