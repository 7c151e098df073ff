/**
 * What a caller must get for each reason, written from the design and not taken from the proxy's
 * own table.
 */
import type { RefusalReason } from "@countersign/swap-proxy";

export interface Expected {
  readonly status: number;
  /** `code` of the body. */
  readonly code: string;
  /** `WWW-Authenticate`: none, without an error (RFC 6750 §3), or with `invalid_token`. */
  readonly challenge: null | "bare" | "invalid_token";
}

const answer = (
  status: number,
  code: string,
  challenge: Expected["challenge"] = null,
): Expected => ({
  status,
  code,
  challenge,
});

const malformed = answer(401, "token_malformed", "invalid_token");
// One answer: nobody may tell a registered issuer from an invented one.
const refused = answer(401, "token_refused", "invalid_token");

export const ANSWERS: Readonly<Record<RefusalReason, Expected>> = {
  path_not_found: answer(404, "path_not_found"),
  method_not_allowed: answer(405, "method_not_allowed"),
  token_missing: answer(401, "token_missing", "bare"),
  credentials_invalid: answer(400, "credentials_invalid"),
  token_too_large: answer(431, "token_too_large"),
  malformed,
  header_not_allowed: malformed,
  issuer_not_allowed: refused,
  unknown_issuer: refused,
  inactive_issuer: refused,
  unknown_key: refused,
  revoked_key: refused,
  key_not_current: refused,
  algorithm_mismatch: refused,
  bad_signature: refused,
  issued_before_cutoff: refused,
  wrong_audience: refused,
  invalid_claims: answer(401, "claims_invalid", "invalid_token"),
  expired: answer(401, "token_expired", "invalid_token"),
  not_yet_valid: answer(401, "token_not_yet_valid", "invalid_token"),
  lifetime_too_long: answer(403, "lifetime_not_allowed"),
  role_not_allowed: answer(403, "role_not_allowed"),
  subject_not_allowed: answer(403, "subject_not_allowed"),
  claim_not_allowed: answer(403, "claim_not_allowed"),
  registry_unavailable: answer(503, "registry_unavailable"),
  upstream_unreachable: answer(502, "upstream_unreachable"),
  upstream_timeout: answer(504, "upstream_timeout"),
  upstream_not_found: answer(404, "upstream_not_found"),
  downstream_token_rejected: answer(502, "downstream_token_rejected"),
  client_closed: answer(499, "client_closed"),
  internal_error: answer(500, "internal_error"),
};
