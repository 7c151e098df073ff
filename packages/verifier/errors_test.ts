import assert from "node:assert/strict";
import { InvalidPublicKeyError, JwtVerificationError, type VerificationReason } from "./errors.ts";

const BEFORE: readonly VerificationReason[] = [
  "malformed",
  "token_too_large",
  "header_not_allowed",
  "issuer_not_allowed",
  "unknown_issuer",
  "inactive_issuer",
  "unknown_key",
  "revoked_key",
  "key_not_current",
  "algorithm_mismatch",
  "bad_signature",
  "unusable_key",
  "registry_unavailable",
  "registry_overloaded",
];
const AFTER: readonly VerificationReason[] = [
  "invalid_claims",
  "expired",
  "not_yet_valid",
  "lifetime_too_long",
  "issued_before_cutoff",
  "wrong_audience",
  "role_not_allowed",
  "subject_not_allowed",
  "claim_not_allowed",
];

Deno.test("JwtVerificationError counts nobody as authenticated before the signature holds", () => {
  const authenticated = (reason: VerificationReason) =>
    new JwtVerificationError(reason, "x").authenticated;
  assert.deepEqual(BEFORE.filter(authenticated), []);
  assert.deepEqual(AFTER.filter(authenticated), AFTER);
});

Deno.test("JwtVerificationError has its reason under both names, and a cause only if there is one", () => {
  const cause = new Error("connection refused");
  const error = new JwtVerificationError("registry_unavailable", "x", { cause, issuer: "billing" });
  assert.deepEqual(
    [error.reason, error.code, error.issuer, error.kid, error.cause],
    ["registry_unavailable", "registry_unavailable", "billing", undefined, cause],
  );
  assert.ok(!("cause" in new JwtVerificationError("malformed", "x")));
});

Deno.test("InvalidPublicKeyError says why in a code", () => {
  const { code, name, message } = new InvalidPublicKeyError("weak_point", "Expected another point");
  assert.deepEqual([code, name, message], [
    "weak_point",
    "InvalidPublicKeyError",
    "Expected another point",
  ]);
});
