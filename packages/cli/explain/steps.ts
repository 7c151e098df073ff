import type { JwtVerificationError, VerificationReason } from "@countersign/verifier";

/** The steps of a verification, in their order. */
export const STEPS = ["form", "issuer", "key", "signature", "times", "audience", "policy"] as const;

/** One step of a verification. */
export type StepName = typeof STEPS[number];

/** Where each reason belongs. A new reason does not compile until it is here. */
const STEP_OF: Readonly<Record<Exclude<VerificationReason, "invalid_claims">, StepName>> = {
  token_too_large: "form",
  malformed: "form",
  header_not_allowed: "form",
  issuer_not_allowed: "issuer",
  unknown_issuer: "issuer",
  inactive_issuer: "issuer",
  registry_unavailable: "issuer",
  registry_overloaded: "issuer",
  unknown_key: "key",
  revoked_key: "key",
  key_not_current: "key",
  algorithm_mismatch: "key",
  provider_unavailable: "key",
  bad_signature: "signature",
  unusable_key: "signature",
  expired: "times",
  not_yet_valid: "times",
  lifetime_too_long: "times",
  issued_before_cutoff: "times",
  wrong_audience: "audience",
  role_not_allowed: "policy",
  subject_not_allowed: "policy",
  claim_not_allowed: "policy",
  rule_not_matched: "policy",
  ambiguous_rule: "policy",
};

/** One reason for three steps: the claim that is refused decides. */
function stepOfClaim(claim = ""): StepName {
  if (["exp", "iat", "nbf"].includes(claim)) return "times";
  return claim === "aud" ? "audience" : "policy";
}

/** The step at which a verification failed. */
export function stepOf({ reason, claim }: JwtVerificationError): StepName {
  return reason === "invalid_claims" ? stepOfClaim(claim) : STEP_OF[reason];
}
