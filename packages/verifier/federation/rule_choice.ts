import { JwtVerificationError, type JwtVerificationErrorOptions } from "../errors.ts";
import type { JsonObject } from "../token/strict_json.ts";
import type { FederationRule, ProviderRecord } from "./rule.ts";
import { namedAudiences, ruleMatches } from "./rule_judgement.ts";

/** The rule that a token acts under, and which others would let it in if they did not only observe. */
export interface RuleChoice {
  readonly rule: FederationRule;
  /** Names of matching rules in `observe` mode. */
  readonly observedRules: readonly string[];
}

/** What narrows the choice. */
export interface RuleWish {
  /** The rule that the caller names, which then has to match. */
  readonly rule?: string | undefined;
  /** The only issuers to consider. Default: all of them. */
  readonly allowedIssuers?: readonly string[] | undefined;
}

/**
 * Chooses the one active rule of a provider that a verified token matches.
 *
 * Several are refused rather than ordered: which of two identities a job has must not depend on a rule that somebody
 * adds later.
 *
 * @throws {JwtVerificationError} `wrong_audience` if no active rule is for the token's audience, `rule_not_matched`,
 * `ambiguous_rule`.
 */
export function chooseRule(
  claims: JsonObject,
  { rules }: ProviderRecord,
  { rule: wanted, allowedIssuers }: RuleWish,
  signer: JwtVerificationErrorOptions,
): RuleChoice {
  const active = rules.filter(({ isActive, issuer }) =>
    isActive === true && (allowedIssuers === undefined || allowedIssuers.includes(issuer))
  );
  const matching = active.filter((rule) => ruleMatches(rule, claims));
  const enforced = matching.filter(({ mode }) => mode === "enforce");
  const observedRules = matching.filter(({ mode }) => mode !== "enforce").map(({ name }) => name);
  const named = wanted === undefined ? enforced : enforced.filter(({ name }) => name === wanted);
  const [rule, another] = named;
  if (rule !== undefined && another === undefined) return { rule, observedRules };
  if (another !== undefined) {
    throw new JwtVerificationError(
      "ambiguous_rule",
      'Expected one rule to match, found several: name one in the header "Countersign-Rule"',
      signer,
    );
  }
  if (
    active.length > 0 &&
    !active.some(({ audiences }) => namedAudiences(audiences, claims["aud"]).length > 0)
  ) {
    throw new JwtVerificationError(
      "wrong_audience",
      "The token is for an audience that no rule of its provider names",
      { ...signer, claim: "aud" },
    );
  }
  throw new JwtVerificationError("rule_not_matched", expectation(wanted, observedRules), {
    ...signer,
    observedRules,
  });
}

function expectation(wanted: string | undefined, observedRules: readonly string[]): string {
  if (observedRules.length > 0) return "The rule that matches the token only observes";
  return wanted === undefined
    ? "No active rule of the token's provider matches its claims"
    : "The rule that the request names does not match the token's claims";
}
