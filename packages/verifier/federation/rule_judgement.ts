import type { JsonObject } from "../token/strict_json.ts";
import { claimAt } from "./claim_path.ts";
import { conditionHolds } from "./condition.ts";
import type { Condition, FederationRule } from "./rule.ts";

/** One condition of a rule, against one token. */
export interface ConditionJudgement {
  /** The claim's path. */
  readonly claim: string;
  /** What the rule wants. */
  readonly wanted: Condition;
  /** What the token has; `undefined` if it has no such claim. */
  readonly found: unknown;
  /** Whether the one is the other. */
  readonly holds: boolean;
}

/** A rule against one token, condition by condition. */
export interface RuleJudgement {
  /** The rule's name. */
  readonly name: string;
  /** Whether audience and conditions hold. Says nothing about whether the rule is active. */
  readonly matches: boolean;
  /** Whether the token names one of the rule's audiences. */
  readonly audience: {
    readonly wanted: readonly string[];
    readonly found: unknown;
    readonly holds: boolean;
  };
  /** Every condition, in the rule's order. */
  readonly conditions: readonly ConditionJudgement[];
}

/**
 * Tells whether a rule's audience and conditions hold for a token's claims.
 *
 * **Does not** ask whether the rule is active, or in observe mode.
 */
export function ruleMatches(rule: FederationRule, claims: JsonObject): boolean {
  const { conditions, audiences } = rule;
  let some = false;
  for (const path in conditions) {
    const wanted = conditions[path];
    if (wanted === undefined || !conditionHolds(wanted, claimAt(claims, path))) return false;
    some = true;
  }
  // A rule without a condition would let in whoever has an account with the provider.
  return some && namedAudiences(audiences, claims["aud"]).length > 0;
}

/** The audiences of the rule that a token names. */
export function namedAudiences(audiences: readonly string[], aud: unknown): readonly string[] {
  if (Array.isArray(aud)) return audiences.filter((name) => name !== "" && aud.includes(name));
  return typeof aud === "string" && aud !== "" && audiences.includes(aud) ? [aud] : [];
}

/**
 * Judges a rule condition by condition, for whoever asks why a token does or doesn't match.
 *
 * **Does not** verify anything: the claims may be a draft. Nor does it ask whether the rule is active.
 *
 * @param rule The rule.
 * @param claims The claims of a token.
 * @returns Every condition with what was wanted and found; only claims that the rule names are in it.
 *
 * @example A rule for one repository
 * ```ts
 * import assert from "node:assert/strict";
 * import { judgeRule } from "@countersign/verifier";
 *
 * const { matches, conditions } = judgeRule({
 *   name: "deploy",
 *   issuer: "deployer",
 *   audiences: ["https://ref.supabase.co"],
 *   conditions: { repository_id: "74" },
 *   subject: "gh:{repository_id}",
 *   claims: {},
 *   role: null,
 *   maxTokenLifetime: 3600,
 *   mode: "enforce",
 *   isActive: true,
 * }, { aud: "https://ref.supabase.co", repository_id: "75" });
 * assert.equal(matches, false);
 * assert.deepEqual(conditions, [
 *   { claim: "repository_id", wanted: "74", found: "75", holds: false },
 * ]);
 * ```
 */
export function judgeRule(
  rule: FederationRule,
  claims: Readonly<Record<string, unknown>>,
): RuleJudgement {
  const conditions = Object.entries(rule.conditions).map(([claim, wanted]) => {
    const found = claimAt(claims, claim);
    return { claim, wanted, found, holds: conditionHolds(wanted, found) };
  });
  const found = claims["aud"];
  const audience = {
    wanted: rule.audiences,
    found,
    holds: namedAudiences(rule.audiences, found).length > 0,
  };
  return { name: rule.name, matches: ruleMatches(rule, claims), audience, conditions };
}
