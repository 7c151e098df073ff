/** Why a token was refused. Closed: adding one is a change of the public API. */
export type VerificationReason =
  // Before the signature is known to hold.
  | "malformed"
  | "token_too_large"
  | "header_not_allowed"
  | "issuer_not_allowed"
  | "unknown_issuer"
  | "inactive_issuer"
  | "unknown_key"
  | "revoked_key"
  | "key_not_current"
  | "algorithm_mismatch"
  | "bad_signature"
  | "registry_unavailable"
  // After it.
  | "invalid_claims"
  | "expired"
  | "not_yet_valid"
  | "lifetime_too_long"
  | "issued_before_cutoff"
  | "wrong_audience"
  | "role_not_allowed"
  | "subject_not_allowed"
  | "claim_not_allowed";
