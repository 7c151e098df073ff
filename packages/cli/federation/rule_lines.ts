import type { RuleJudgement } from "@countersign/verifier";
import type { Painter } from "../options/color.ts";
import { printable } from "../options/output.ts";

/** A rule against one token, and whether it counts. */
export interface JudgedRule extends RuleJudgement {
  readonly issuer: string;
  readonly state: "active" | "observing" | "deactivated";
}

const LONGEST = 120;

/**
 * Rules as people read them: a line for the audience and for each condition, with what was wanted and what was found.
 *
 * Shows values only of claims that the rule names.
 */
export function judgementLines(rules: readonly JudgedRule[], paint: Painter): string[] {
  return rules.flatMap((rule) => {
    const { audience, conditions } = rule;
    const lines = [
      { claim: "aud", ...audience },
      ...conditions,
    ];
    const widths = {
      claim: Math.max(...lines.map(({ claim }) => printable(claim).length)),
      wanted: Math.max(...lines.map(({ wanted }) => shown(wanted).length)),
    };
    const state = rule.state === "active" ? "" : `, ${rule.state}`;
    return [
      `${printable(rule.name)} (acts as ${printable(rule.issuer)}${state}): ${
        rule.matches ? paint("green", "matches") : paint("red", "does not match")
      }`,
      ...lines.map(({ claim, wanted, found, holds }) =>
        `  ${holds ? paint("green", "✓") : paint("red", "✗")} ${
          printable(claim).padEnd(widths.claim)
        }  wanted ${shown(wanted).padEnd(widths.wanted)}  found ${shown(found)}`
      ),
    ];
  });
}

function shown(value: unknown): string {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return printable(text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
}

/** The rule that a token with these judgements acts under, or why there is none. */
export function chosenRule(
  rules: readonly JudgedRule[],
  wanted?: string,
): { readonly rule: string } | { readonly refused: string; readonly reason: string } {
  const matching = rules.filter(({ matches, state }) => matches && state === "active");
  const named = matching.filter(({ name }) => wanted === undefined || name === wanted);
  const [rule, another] = named;
  if (rule !== undefined && another === undefined) return { rule: rule.name };
  if (another !== undefined) {
    const names = named.map(({ name }) => name).join(", ");
    return {
      reason: "ambiguous_rule",
      refused: `several rules match (${names}): name one in the header Countersign-Rule`,
    };
  }
  return {
    reason: "rule_not_matched",
    refused: rules.some(({ matches, state }) => matches && state !== "active")
      ? "the rule that matches is not active, or only observes"
      : "no rule matches",
  };
}
