import { type FederationRule, judgeRule } from "@countersign/verifier";
import type { JudgedRule } from "./rule_lines.ts";

/** Holds every rule of a provider against a token's claims. */
export function judgedRules(
  rules: readonly FederationRule[],
  claims: Readonly<Record<string, unknown>>,
): JudgedRule[] {
  return rules.map((rule) => ({
    ...judgeRule(rule, claims),
    issuer: rule.issuer,
    state: rule.isActive ? (rule.mode === "observe" ? "observing" : "active") : "deactivated",
  }));
}
