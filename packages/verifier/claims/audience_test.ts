import assert from "node:assert/strict";
import { AUDIENCE, isRefusal, policy } from "../fixtures/tokens.ts";
import type { VerificationReason } from "../mod.ts";
import { type AudienceRule, checkAudience } from "./audience.ts";

interface Case {
  readonly aud: unknown;
  readonly twin: unknown;
  readonly rule?: AudienceRule;
  /** Those that the policy names. */
  readonly named?: readonly string[];
  readonly reason?: VerificationReason;
}

const CASES: Record<string, Case> = {
  "no audience where the target requires one": {
    aud: undefined,
    twin: AUDIENCE,
    rule: { audience: AUDIENCE, requireAudience: true },
  },
  "no audience where one is required and the target has no name": {
    aud: undefined,
    twin: "anything",
    rule: { requireAudience: true },
  },
  "no audience where the policy names some": { aud: undefined, twin: "other", named: ["other"] },
  "the target's audience where the policy names others": {
    aud: AUDIENCE,
    twin: "other",
    named: ["other"],
  },
  "any audience where the policy's list is empty": { aud: "other", twin: undefined, named: [] },
  "none of the target's names": {
    aud: ["a", "b"],
    twin: ["a", "ref"],
    rule: { audience: ["ref", AUDIENCE] },
  },
  "an audience of another type": { aud: 1, twin: AUDIENCE, reason: "invalid_claims" },
  "an empty list": { aud: [], twin: [AUDIENCE], reason: "invalid_claims" },
  "a list of lists": { aud: [[AUDIENCE]], twin: [AUDIENCE], reason: "invalid_claims" },
};

for (const [name, { aud, twin, rule, named, reason }] of Object.entries(CASES)) {
  Deno.test(`checkAudience() refuses ${name}`, () => {
    const check = (claimed: unknown, audiences: readonly string[] | null) =>
      checkAudience(
        claimed === undefined ? {} : { aud: claimed },
        { ...policy, audiences },
        rule ?? { audience: AUDIENCE },
        {},
      );
    assert.throws(
      () => check(aud, named ?? null),
      (error) => isRefusal(error, reason ?? "wrong_audience"),
    );
    // Nothing satisfies an empty list, so its twin is that there is none.
    check(twin, named?.length === 0 ? null : named ?? null);
  });
}

Deno.test("checkAudience() leaves aud alone when nobody says what to expect", () => {
  for (const aud of ["anything", ["a", "b"]]) checkAudience({ aud }, policy, {}, {});
});
