import { type IssuerPolicy, JwtVerificationError } from "@countersign/verifier";
import assert from "node:assert/strict";
import fc from "fast-check";
// The judgement is held to the code that it speaks of, which the package keeps to itself.
import { applyPolicy } from "../../../verifier/claims/policy.ts";
import type { RegistryValue, RegistryValues } from "./value.ts";
import { ISSUER_FIELDS } from "./issuer_fields.ts";
import { KEY_FIELDS } from "./key_fields.ts";

const USER = "3f2504e0-4f89-11d3-9a0c-0305e82c3301";
const EARLY = "2027-01-01T00:00:00.000Z";
const LATE = "2027-01-01T00:00:00.001Z";

function judged(column: string, before: RegistryValue, after: RegistryValue): readonly string[] {
  const field = [...ISSUER_FIELDS, ...KEY_FIELDS].find((field) => field.column === column);
  assert(field !== undefined, column);
  return field.loosens(before, after);
}

for (
  const [column, before, after] of [
    ["is_active", false, true],
    ["allowed_roles", [], ["a"]],
    ["allowed_roles", ["a", "b"], ["c"]],
    ["default_role", null, "a"],
    ["default_role", "a", "b"],
    ["allowed_subjects", ["a"], null],
    ["allowed_subjects", [], ["a"]],
    ["allowed_subjects", ["job-*"], ["jo*"]],
    ["allowed_subjects", ["job-1"], ["job-*"]],
    ["allowed_subjects", ["*"], ["*", USER]],
    ["allow_user_subjects", false, true],
    ["allowed_claims", ["a"], null],
    ["allowed_claims", ["a"], ["a", "b"]],
    ["allowed_claims", null, ["email"]],
    ["audiences", ["a"], null],
    ["audiences", null, ["a"]],
    ["audiences", ["a"], ["b"]],
    ["max_token_lifetime", 300, 301],
    ["max_exchange_lifetime", null, 60],
    ["max_exchange_lifetime", 60, 61],
    ["reject_issued_before", LATE, EARLY],
    ["reject_issued_before", EARLY, null],
    ["single_use", true, false],
    ["mode", "enforce", "observe"],
    ["algorithm", "RS256", "PS256"],
    ["not_before", LATE, EARLY],
    ["not_before", EARLY, null],
    ["not_after", EARLY, LATE],
    ["not_after", EARLY, null],
  ] as const
) {
  const [from, to] = [JSON.stringify(before), JSON.stringify(after)];
  Deno.test(`${column} from ${from} to ${to} loosens`, () => {
    assert.notEqual(judged(column, before, after).length, 0);
  });
}

for (
  const [column, before, after] of [
    ["is_active", true, false],
    ["allowed_roles", ["a", "b"], ["b"]],
    ["default_role", "a", null],
    ["allowed_subjects", null, ["a", "b*"]],
    ["allowed_subjects", ["job-*"], ["job-1", "job-2*"]],
    ["allow_user_subjects", true, false],
    ["allowed_claims", null, ["a"]],
    ["allowed_claims", ["a", "email"], ["email"]],
    ["audiences", ["a", "b"], ["b"]],
    ["max_token_lifetime", 300, 299],
    ["max_exchange_lifetime", 60, null],
    ["max_exchange_lifetime", 61, 60],
    ["reject_issued_before", null, EARLY],
    ["reject_issued_before", EARLY, LATE],
    ["single_use", false, true],
    ["mode", "observe", "enforce"],
    ["description", "a", null],
    ["description", null, "b"],
    ["not_before", null, EARLY],
    ["not_before", EARLY, LATE],
    ["not_after", null, EARLY],
    ["not_after", LATE, EARLY],
  ] as const
) {
  const [from, to] = [JSON.stringify(before), JSON.stringify(after)];
  Deno.test(`${column} from ${from} to ${to} does not loosen`, () => {
    assert.deepEqual(judged(column, before, after), []);
  });
}

const role = fc.constantFrom("a", "b", "c");
const subject = fc.constantFrom("job-1", "job-2", "cron", USER);
const claim = fc.constantFrom("tenant", "email", "app_metadata", "note");
const policy: fc.Arbitrary<RegistryValues> = fc.record({
  allowed_roles: fc.uniqueArray(role),
  default_role: fc.option(role),
  allowed_subjects: fc.option(
    fc.uniqueArray(fc.oneof(subject, fc.constantFrom("*", "job-*", "3f*"))),
  ),
  allow_user_subjects: fc.boolean(),
  allowed_claims: fc.option(fc.uniqueArray(claim)),
  mode: fc.constantFrom("enforce", "observe"),
});
const token = fc.record(
  { role, sub: subject, tenant: fc.constant(1), email: fc.constant("x"), note: fc.constant("y") },
  { requiredKeys: [] },
);

function names(value: RegistryValue | undefined): string[] {
  return Array.isArray(value) ? value : [];
}

/** What the policy makes of a token: the role, or `undefined` for a refusal. */
function outcome(
  values: RegistryValues,
  claims: Readonly<Record<string, unknown>>,
): string | undefined {
  const record: IssuerPolicy = {
    allowedRoles: names(values.allowed_roles),
    defaultRole: typeof values.default_role === "string" ? values.default_role : null,
    allowedSubjects: values.allowed_subjects === null ? null : names(values.allowed_subjects),
    allowUserSubjects: values.allow_user_subjects === true,
    allowedClaims: values.allowed_claims === null ? null : names(values.allowed_claims),
    audiences: null,
    maxTokenLifetime: 300,
    rejectIssuedBefore: null,
    singleUse: false,
    mode: values.mode === "observe" ? "observe" : "enforce",
  };
  try {
    return applyPolicy(claims, record, {}).role;
  } catch (error) {
    if (error instanceof JwtVerificationError) return undefined;
    throw error;
  }
}

/** The roles that the issuer can have with these claims, whichever role it asks for. */
function obtainable(values: RegistryValues, claims: Readonly<Record<string, unknown>>) {
  const { role: _, ...others } = claims;
  const asked = ["a", "b", "c"].map((role) => ({ ...others, role }));
  return new Set([others, ...asked].map((claims) => outcome(values, claims)));
}

Deno.test("no change that is judged harmless lets in a token, or lets an issuer have a role", () => {
  let accepted = 0;
  fc.assert(
    fc.property(policy, policy, token, (before, after, claims) => {
      const role = outcome(after, claims);
      const isNew = outcome(before, claims) === undefined || !obtainable(before, claims).has(role);
      if (role === undefined || !isNew) return;
      accepted++;
      const reasons = Object.keys(before).flatMap((column) =>
        judged(column, before[column] ?? null, after[column] ?? null)
      );
      assert.notEqual(reasons.length, 0, JSON.stringify({ before, after, claims }));
    }),
    { numRuns: Number(Deno.env.get("COUNTERSIGN_PROPERTY_RUNS") ?? 5_000) },
  );
  assert(accepted > 10, "expected tokens that only the second policy accepts");
});
