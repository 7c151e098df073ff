import {
  type IssuerRecord,
  JwtVerificationError,
  memoryKeySource,
  type VerificationReason,
  verifyMultiIssuerJwt,
} from "@countersign/verifier";
import { judgedRules } from "../federation/judged_rules.ts";
import type { JudgedRule } from "../federation/rule_lines.ts";
import { federatedFacts, type Federation } from "./federation.ts";
import { readUnverified } from "./read_unverified.ts";
import { type StepName, stepOf, STEPS } from "./steps.ts";
import { type Facts, factsAbout } from "./token_facts.ts";

/** What came of a step. */
export interface Step {
  readonly step: StepName;
  readonly outcome: "passed" | "failed" | "not reached" | "not checked";
  /** Why, for one that failed or was not checked. */
  readonly message?: string;
  /** For one that failed: what the token says of it, and what the registry. */
  readonly facts?: Facts;
}

/** What a verifier makes of a token. */
export interface Explanation {
  /** Whether nothing was found that speaks against it. */
  readonly accepted: boolean;
  readonly reason?: VerificationReason;
  /** The role that the policy grants. */
  readonly role?: string;
  readonly steps: readonly Step[];
  /** The rule that a provider's token acts under. */
  readonly rule?: string;
  /** Of a provider's token: every rule of the provider, condition by condition. */
  readonly rules?: readonly JudgedRule[];
  /** What a policy in observe mode let through. */
  readonly observed: readonly string[];
  /** What may still be otherwise on the target. */
  readonly notAsked: readonly string[];
}

/** A token, and what to hold it against. */
export interface ExplainOptions {
  readonly token: string;
  /** The issuer that the token names, as the registry has it. */
  readonly record: IssuerRecord | undefined;
  /** The provider that the token names instead, with its rules. */
  readonly federation?: Federation;
  /** The rule that the request names. */
  readonly rule?: string;
  /** What the target calls itself; without it, `aud` is held against the policy alone. */
  readonly audience?: readonly string[];
  /** The issuers that the target accepts, if not all. */
  readonly allowedIssuers?: readonly string[];
  /** Roles of the policy that the database refuses, and why. */
  readonly refusedRoles?: Readonly<Record<string, string>>;
  /** Steps that cannot be checked, and why. */
  readonly unchecked?: Partial<Record<StepName, string>>;
  /** What is not known of the target. */
  readonly notAsked?: readonly string[];
  readonly now: () => number;
}

/**
 * Verifies a token with the code that the proxy runs, and says which step failed and why.
 *
 * For whoever operates the target: it shows what an unverified token says, which the proxy never does.
 */
export async function explainToken(options: ExplainOptions): Promise<Explanation> {
  const { token, record, federation, audience, allowedIssuers, now, notAsked = [] } = options;
  const { claims } = readUnverified(token);
  const judged = federation && { rules: judgedRules(federation.provider.rules, claims) };
  try {
    const { role, rule, observed } = await verifyMultiIssuerJwt(token, {
      keySource: memoryKeySource([
        ...record === undefined ? [] : [record],
        ...federation?.issuers ?? [],
      ], {
        providers: federation === undefined ? [] : [federation.provider],
      }),
      ...(federation && { providerKeys: federation.keys }),
      ...(options.rule === undefined ? {} : { rule: options.rule }),
      ...(audience === undefined ? {} : { audience }),
      ...(allowedIssuers === undefined ? {} : { allowedIssuers }),
      now,
    });
    return {
      accepted: true,
      role,
      ...(rule === undefined ? {} : { rule }),
      steps: stepsUpTo(undefined, options),
      ...judged,
      observed: observed.map(({ reason, message }) => `${reason}: ${message}`),
      notAsked,
    };
  } catch (error) {
    if (!(error instanceof JwtVerificationError)) throw error;
    const failed = stepOf(error);
    const facts = federation === undefined
      ? factsAbout(failed, readUnverified(token), options)
      : federatedFacts(failed, readUnverified(token), federation, now());
    const steps = stepsUpTo(failed, options).map((step): Step =>
      step.step !== failed ? step : {
        ...step,
        message: refusedRole(error, options) ?? error.message,
        ...(facts && { facts }),
      }
    );
    return { accepted: false, reason: error.reason, steps, ...judged, observed: [], notAsked };
  }
}

/** The proxy does not see a role that the database refuses; an operator sees it in the policy. */
function refusedRole(
  { reason }: JwtVerificationError,
  { token, refusedRoles = {} }: ExplainOptions,
): string | undefined {
  if (reason !== "role_not_allowed") return undefined;
  const { role } = readUnverified(token).claims;
  const named = typeof role === "string" ? [role] : Object.keys(refusedRoles);
  const [found] = named.filter((name) => name in refusedRoles);
  return found === undefined
    ? undefined
    : `The role "${found}" is in the policy, and the database refuses it: it ${
      refusedRoles[found]
    }`;
}

function stepsUpTo(failed: StepName | undefined, { unchecked = {} }: ExplainOptions): Step[] {
  const end = failed === undefined ? STEPS.length : STEPS.indexOf(failed);
  return STEPS.map((step, index): Step => {
    if (index > end) return { step, outcome: "not reached" };
    if (index === end) return { step, outcome: "failed" };
    const message = unchecked[step];
    return message === undefined
      ? { step, outcome: "passed" }
      : { step, outcome: "not checked", message };
  });
}
