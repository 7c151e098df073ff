import assert from "node:assert/strict";
import { isRefusal, NOW, policy } from "../fixtures/tokens.ts";
import type { IssuerPolicy, VerificationReason } from "../mod.ts";
import { checkTimes } from "./times.ts";

interface Case {
  readonly claims: Readonly<Record<string, unknown>>;
  /** The same second or the next, and passes. */
  readonly twin: Readonly<Record<string, unknown>>;
  readonly reason: VerificationReason;
  readonly tolerance?: number;
  readonly policy?: Partial<IssuerPolicy>;
}

const CASES: Record<string, Case> = {
  "a token at exp and tolerance": {
    claims: { iat: NOW - 60, exp: NOW - 5 },
    twin: { iat: NOW - 60, exp: NOW - 4 },
    reason: "expired",
  },
  "a token at exp without tolerance": {
    claims: { iat: NOW - 60, exp: NOW },
    twin: { iat: NOW - 60, exp: NOW + 1 },
    reason: "expired",
    tolerance: 0,
  },
  "iat a second beyond the tolerance": {
    claims: { iat: NOW + 6, exp: NOW + 60 },
    twin: { iat: NOW + 5, exp: NOW + 60 },
    reason: "not_yet_valid",
  },
  "iat in the next second without tolerance": {
    claims: { iat: NOW + 1, exp: NOW + 60 },
    twin: { iat: NOW, exp: NOW + 60 },
    reason: "not_yet_valid",
    tolerance: 0,
  },
  "nbf a second beyond the tolerance": {
    claims: { iat: NOW, nbf: NOW + 6, exp: NOW + 60 },
    twin: { iat: NOW, nbf: NOW + 5, exp: NOW + 60 },
    reason: "not_yet_valid",
  },
  "exp that equals iat": {
    claims: { iat: NOW, exp: NOW },
    twin: { iat: NOW, exp: NOW + 1 },
    reason: "invalid_claims",
  },
  "nbf a second after exp": {
    claims: { iat: NOW, nbf: NOW + 3, exp: NOW + 2 },
    twin: { iat: NOW, nbf: NOW + 2, exp: NOW + 2 },
    reason: "invalid_claims",
  },
  "a lifetime one second longer than the policy's": {
    claims: { iat: NOW, exp: NOW + 61 },
    twin: { iat: NOW, exp: NOW + 60 },
    reason: "lifetime_too_long",
    policy: { maxTokenLifetime: 60 },
  },
  "iat a second before the cut-off": {
    claims: { iat: NOW - 11, exp: NOW + 60 },
    twin: { iat: NOW - 10, exp: NOW + 60 },
    reason: "issued_before_cutoff",
    policy: { rejectIssuedBefore: NOW - 10 },
  },
  "a time beyond what a double counts exactly": {
    claims: { iat: NOW, exp: 2 ** 53 },
    twin: { iat: NOW, exp: NOW + 60 },
    reason: "invalid_claims",
  },
};

for (const [name, { claims, twin, reason, tolerance = 5, ...rest }] of Object.entries(CASES)) {
  Deno.test(`checkTimes() refuses ${name}`, () => {
    const rules = { ...policy, ...rest.policy };
    assert.throws(
      () => checkTimes(claims, rules, NOW, { tolerance }, {}),
      (error) => isRefusal(error, reason),
    );
    checkTimes(twin, rules, NOW, { tolerance }, {});
  });
}

Deno.test("checkTimes() refuses under a policy with a hole in it", () => {
  const claims = { iat: NOW, exp: NOW + 60 };
  for (
    const [hole, reason] of [
      ["maxTokenLifetime", "lifetime_too_long"],
      ["rejectIssuedBefore", "issued_before_cutoff"],
    ] as const
  ) {
    const { [hole]: _, ...rest } = policy;
    assert.throws(
      () => Reflect.apply(checkTimes, undefined, [claims, rest, NOW, { tolerance: 5 }, {}]),
      (error) => isRefusal(error, reason),
    );
  }
  checkTimes(claims, policy, NOW, { tolerance: 5 }, {});
});
