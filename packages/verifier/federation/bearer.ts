import { findIssuer } from "../claims/issuer.ts";
import { JwtVerificationError } from "../errors.ts";
import type { JsonObject } from "../token/strict_json.ts";
import type { KeySource } from "../key_source/key_source.ts";
import type { IssuerPolicy, IssuerRecord } from "../types.ts";
import { mapClaims } from "./mapped_claims.ts";
import type { FederationRule, ProviderRecord } from "./rule.ts";
import { chooseRule, type RuleWish } from "./rule_choice.ts";

/** Which issuer a token acts as, with which claims, and under which policy. */
export interface Bearer {
  readonly record: IssuerRecord;
  readonly policy: IssuerPolicy;
  readonly claims: JsonObject;
  /** Of a provider's token: what its rule made of it. */
  readonly mapped: MappedToken | undefined;
}

/** What a rule makes of a provider's token. Depends on the token, the provider's record and the wish alone. */
export interface MappedToken {
  readonly rule: FederationRule;
  /** The rule that the caller named. */
  readonly wanted: string | undefined;
  readonly claims: JsonObject;
  /** Names of matching rules that only observe. */
  readonly observedRules: readonly string[];
}

/**
 * Lets an issuer's own token act with its claims as they are.
 *
 * @throws {JwtVerificationError} `rule_not_matched` if the caller names a rule: it is for a provider's token.
 */
export function ownBearer(claims: JsonObject, record: IssuerRecord, { rule }: RuleWish): Bearer {
  if (rule !== undefined) {
    throw new JwtVerificationError(
      "rule_not_matched",
      "The request names a federation rule, and the token is an issuer's own",
      { issuer: record.issuer },
    );
  }
  return { record, policy: record.policy, claims, mapped: undefined };
}

/**
 * Lets a provider's token whose signature holds act as an issuer: by the one rule that it matches, with the claims that the
 * rule maps.
 *
 * @param kid The thumbprint of the key that made the signature.
 * @param seen What came of the same token under the same record before.
 * @throws {JwtVerificationError} `wrong_audience`, `rule_not_matched`, `ambiguous_rule`, `subject_not_allowed`,
 * `claim_not_allowed`, and what finding the rule's issuer does; a promise rejects with the latter.
 */
export function federatedBearer(
  claims: JsonObject,
  provider: ProviderRecord,
  wish: RuleWish & { readonly keySource: KeySource },
  kid: string,
  seen: MappedToken | undefined,
): Bearer | Promise<Bearer> {
  const mapped = seen !== undefined && seen.wanted === wish.rule
    ? seen
    : map(claims, provider, wish, kid);
  const found = findIssuer(mapped.rule.issuer, wish.keySource);
  return found instanceof Promise
    ? found.then((record) => actAs(record, mapped))
    : actAs(found, mapped);
}

function map(
  claims: JsonObject,
  provider: ProviderRecord,
  wish: RuleWish,
  kid: string,
): MappedToken {
  const signer = { issuer: provider.provider, kid };
  const { rule, observedRules } = chooseRule(claims, provider, wish, signer);
  const mapped = mapClaims(claims, rule, { kid, issuer: rule.issuer, rule: rule.name });
  return { rule, wanted: wish.rule, claims: mapped, observedRules };
}

/** The last bearer of a mapped token. It serves while the issuer's record is the same. */
const bearers = new WeakMap<MappedToken, Bearer>();

/** How long a provider's tokens live is the provider's choice, so that the rule says it in place of the policy. */
function actAs(record: IssuerRecord, mapped: MappedToken): Bearer {
  const last = bearers.get(mapped);
  if (last?.record === record) return last;
  const { rule: { maxTokenLifetime }, claims } = mapped;
  const bearer = { record, policy: { ...record.policy, maxTokenLifetime }, claims, mapped };
  bearers.set(mapped, bearer);
  return bearer;
}
