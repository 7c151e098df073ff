import {
  type IssuerRecord,
  JwtVerificationError,
  memoryKeySource,
  type VerificationReason,
  verifyMultiIssuerJwt,
} from "@countersign/verifier";
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
  readonly accepted: boolean;
  readonly reason?: VerificationReason;
  /** The role that the policy grants. */
  readonly role?: string;
  readonly steps: readonly Step[];
  /** What a policy in observe mode let through. */
  readonly observed: readonly string[];
}

/** A token, and what to hold it against. */
export interface ExplainOptions {
  readonly token: string;
  /** The issuer that the token names, as the registry has it. */
  readonly record: IssuerRecord | undefined;
  /** What the target calls itself; without it, `aud` is held against the policy alone. */
  readonly audience?: readonly string[];
  /** Steps that can't be checked, and why. */
  readonly unchecked?: Partial<Record<StepName, string>>;
  readonly now: () => number;
}

/**
 * Verifies a token with the code that the proxy runs, and says which step failed and why.
 *
 * For whoever operates the target: it shows what an unverified token says, which the proxy never does.
 */
export async function explainToken(options: ExplainOptions): Promise<Explanation> {
  const { token, record, audience, now } = options;
  try {
    const { role, observed } = await verifyMultiIssuerJwt(token, {
      keySource: memoryKeySource(record === undefined ? [] : [record]),
      ...(audience === undefined ? {} : { audience }),
      now,
    });
    return {
      accepted: true,
      role,
      steps: stepsUpTo(undefined, options),
      observed: observed.map(({ reason, message }) => `${reason}: ${message}`),
    };
  } catch (error) {
    if (!(error instanceof JwtVerificationError)) throw error;
    const failed = stepOf(error);
    const steps = stepsUpTo(failed, options).map((step): Step =>
      step.step !== failed ? step : {
        ...step,
        message: error.message,
        facts: factsAbout(failed, readUnverified(token), options),
      }
    );
    return { accepted: false, reason: error.reason, steps, observed: [] };
  }
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
