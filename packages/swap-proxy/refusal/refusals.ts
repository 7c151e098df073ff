import type { VerificationReason } from "@countersign/verifier";
import type { ProxyReason } from "../errors.ts";

/** Every precise reason, from the verifier or from the proxy, why a request is refused. */
export type RefusalReason = VerificationReason | ProxyReason;

/** The public codes, which a caller sees. Several reasons share one where a difference would help an attacker. */
export type PublicCode =
  | "host_invalid"
  | "path_not_found"
  | "method_not_allowed"
  | "gateway_request_invalid"
  | "token_missing"
  | "token_empty"
  | "credentials_invalid"
  | "token_too_large"
  | "header_not_allowed"
  | "token_malformed"
  | "token_refused"
  | "claims_invalid"
  | "token_expired"
  | "token_not_yet_valid"
  | "lifetime_not_allowed"
  | "role_not_allowed"
  | "subject_not_allowed"
  | "claim_not_allowed"
  | "rule_not_matched"
  | "ambiguous_rule"
  | "registry_unavailable"
  | "upstream_unreachable"
  | "upstream_timeout"
  | "upstream_not_found"
  | "upstream_invalid"
  | "downstream_token_rejected"
  | "target_misconfigured"
  | "token_request_invalid"
  | "client_authentication_not_supported"
  | "grant_type_not_supported"
  | "scope_not_allowed"
  | "audience_not_allowed"
  | "exchange_not_allowed"
  | "guard_required"
  | "client_closed"
  | "internal_error";

/** A row of {@linkcode REFUSALS}. */
export interface Refusal {
  /** The HTTP status. */
  readonly status: number;
  /** The body's `code`. */
  readonly code: PublicCode;
  /** The body's `message`. */
  readonly message: string;
  /** The body's `hint`. */
  readonly hint: string;
  /** Whether `details` says what the token has: only where its signature held. */
  readonly explains?: true;
  /** Headers beside the content type. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the operator has to act: what is wrong is ours and not the caller's. */
  readonly alarm?: true;
}

const malformed: Refusal = unauthorized(
  "token_malformed",
  "The token is not a signed JWT",
  "Send the token exactly as the signer returned it",
);

// RFC 6750 §3.1 lets a server say why. Telling an unknown issuer from a bad signature would let anyone
// map the registry, so all of these are one answer, byte for byte. The log has the reason.
const refused: Refusal = unauthorized(
  "token_refused",
  "The token is not accepted here",
  "Check issuer, key and audience with the operator of this project, whose log has the reason",
);

const registryUnavailable: Refusal = {
  status: 503,
  code: "registry_unavailable",
  message: "The registry of issuers cannot be read",
  hint: "Try again; nothing was written",
  headers: { "retry-after": "1" },
};

const UNKNOWN_WRITE = "Check whether a write took place before you repeat it";

const pathNotFound: Refusal = {
  status: 404,
  code: "path_not_found",
  message: "Nothing is served at this path",
  hint: "Only /, /<table> and /rpc/<function> are served, below the mount path",
};

/**
 * The one table from a precise reason to what the caller gets. Bodies have PostgREST's four members; `details` is
 * null unless the row explains.
 *
 * @example Look up a status
 * ```ts
 * import { REFUSALS } from "@countersign/swap-proxy";
 * import assert from "node:assert/strict";
 *
 * assert.equal(REFUSALS.token_too_large.status, 431);
 * assert.equal(REFUSALS.unknown_issuer, REFUSALS.bad_signature);
 * ```
 */
export const REFUSALS: Readonly<Record<RefusalReason, Refusal>> = {
  host_invalid: {
    status: 400,
    code: "host_invalid",
    message: "The Host header must be a host name and a port",
    hint: "Send the request to the function's URL as it stands",
  },
  path_not_found: pathNotFound,
  method_not_allowed: {
    status: 405,
    code: "method_not_allowed",
    message: "The method is not allowed",
    hint: "Use GET, HEAD, POST, PATCH, PUT, DELETE or OPTIONS",
    headers: { allow: "GET, HEAD, POST, PATCH, PUT, DELETE, OPTIONS" },
  },
  // Without the secret there is nothing to see.
  gateway_not_allowed: pathNotFound,
  gateway_request_invalid: {
    status: 400,
    code: "gateway_request_invalid",
    message: "The gateway must name the original request",
    hint: "Send X-Original-Method and X-Original-URI, or X-Forwarded-Method and X-Forwarded-Uri",
  },

  // RFC 6750 §3: a request without any credentials gets a challenge without an error code.
  token_missing: {
    status: 401,
    code: "token_missing",
    message: "A token is required",
    hint: "Send one header: Authorization: Bearer <token>",
    headers: { "www-authenticate": "Bearer" },
  },
  token_empty: {
    status: 400,
    code: "token_empty",
    message: "The Authorization header contains no token",
    hint: "Check that the variable which holds the token is set",
  },
  credentials_invalid: {
    status: 400,
    code: "credentials_invalid",
    message: "The Authorization header must hold exactly one Bearer token",
    hint: "Send one header: Authorization: Bearer <token>",
  },
  token_too_large: {
    status: 431,
    code: "token_too_large",
    message: "The token is too large",
    hint: "Keep the token under 8 KiB",
  },
  malformed,
  header_not_allowed: unauthorized(
    "header_not_allowed",
    "The token's header is not accepted here",
    "Sign with RS256, RS384, RS512, PS256, ES256, ES384 or EdDSA and no other header than alg, kid and typ; an API key or a user's session is not an issuer's token",
  ),

  issuer_not_allowed: refused,
  unknown_issuer: refused,
  inactive_issuer: refused,
  unknown_key: refused,
  revoked_key: refused,
  key_not_current: refused,
  algorithm_mismatch: refused,
  bad_signature: refused,
  unusable_key: refused,
  issued_before_cutoff: refused,
  wrong_audience: refused,

  invalid_claims: explained(unauthorized(
    "claims_invalid",
    "A required claim is missing or has the wrong type",
    "Correct the claim that details names",
  )),
  expired: explained(unauthorized(
    "token_expired",
    "The token has expired",
    "Sign a new token for each request, and check the clock of the machine that signs",
  )),
  not_yet_valid: explained(unauthorized(
    "token_not_yet_valid",
    "The token is not valid yet",
    "Check the clock of the machine that signs",
  )),

  lifetime_too_long: forbidden(
    "lifetime_not_allowed",
    "The token lives longer than this issuer may ask for",
    "Sign with a shorter expiresIn",
  ),
  role_not_allowed: forbidden(
    "role_not_allowed",
    "This issuer may not use the role",
    "Claim a role that the issuer's policy names",
  ),
  subject_not_allowed: forbidden(
    "subject_not_allowed",
    "This issuer may not use the subject",
    "Claim a subject that the issuer's policy names; user ids have to be allowed explicitly",
  ),
  claim_not_allowed: forbidden(
    "claim_not_allowed",
    "This issuer may not use one of the token's claims",
    "Leave out claims that the issuer's policy does not name",
  ),

  rule_not_matched: forbidden(
    "rule_not_matched",
    "No federation rule lets this token in",
    "Check the token's claims against the rules with the operator of this project",
  ),
  ambiguous_rule: forbidden(
    "ambiguous_rule",
    "More than one federation rule matches this token",
    "Name one in the header Countersign-Rule",
  ),

  registry_unavailable: registryUnavailable,
  registry_overloaded: registryUnavailable,
  // Who learned that keys cannot be fetched would learn which providers are registered.
  provider_unavailable: registryUnavailable,
  seal_key_missing: { ...registryUnavailable, alarm: true },
  upstream_unreachable: {
    status: 502,
    code: "upstream_unreachable",
    message: "PostgREST cannot be reached",
    hint: UNKNOWN_WRITE,
    alarm: true,
  },
  upstream_timeout: {
    status: 504,
    code: "upstream_timeout",
    message: "PostgREST did not answer in time",
    hint: UNKNOWN_WRITE,
  },
  upstream_not_found: {
    status: 404,
    code: "upstream_not_found",
    message: "PostgREST answered 404 without a body",
    hint: "Check the name of the table or function, and the profile header",
  },
  upstream_invalid: {
    status: 502,
    code: "upstream_invalid",
    message: "PostgREST's answer cannot be passed on",
    hint: `A function of the database has set a status outside 200 to 599. ${UNKNOWN_WRITE}`,
  },
  downstream_token_rejected: {
    status: 502,
    code: "downstream_token_rejected",
    message: "PostgREST does not accept this proxy's token",
    hint: "The operator has to act; the token was accepted, and nothing was written",
    alarm: true,
  },
  role_claim_ignored: {
    status: 502,
    code: "target_misconfigured",
    message: "This target is misconfigured",
    hint: "The operator has to fix the target; the token was fine",
    alarm: true,
  },
  token_request_invalid: {
    status: 400,
    code: "token_request_invalid",
    message: "The token request is not valid",
    hint:
      "Send one form with grant_type, subject_token and subject_token_type, or grant_type and assertion",
  },
  // RFC 6749 §5.2: who tried to authenticate in the header is told which scheme was refused.
  client_authentication_not_supported: {
    status: 401,
    code: "client_authentication_not_supported",
    message: "There are no clients here to authenticate",
    hint: "Send the token in the form, and no client credentials",
    headers: { "www-authenticate": 'Basic realm="countersign"' },
  },
  grant_type_not_supported: {
    status: 400,
    code: "grant_type_not_supported",
    message: "The grant type is not supported",
    hint:
      "Use urn:ietf:params:oauth:grant-type:token-exchange or urn:ietf:params:oauth:grant-type:jwt-bearer",
  },
  scope_not_allowed: {
    status: 400,
    code: "scope_not_allowed",
    message: "The token may not have this role",
    hint: "Leave out scope, or name the one role that the token claims",
  },
  audience_not_allowed: {
    status: 400,
    code: "audience_not_allowed",
    message: "The token may not have this audience",
    hint: "Leave out audience, or name one that the token names",
  },
  exchange_not_allowed: {
    status: 400,
    code: "exchange_not_allowed",
    message: "This issuer's tokens cannot be exchanged",
    hint:
      "Ask the operator of this project for max_exchange_lifetime; single_use issuers cannot have it",
  },
  guard_required: {
    status: 503,
    code: "guard_required",
    message: "Tokens are exchanged only where the guard is on",
    hint: "The operator has to enable the guard; the token was accepted",
    headers: { "retry-after": "1" },
    alarm: true,
  },
  // nginx's 499. It never reaches the caller, who has left; the log does.
  client_closed: {
    status: 499,
    code: "client_closed",
    message: "The client left before there was an answer",
    hint: UNKNOWN_WRITE,
  },
  internal_error: {
    status: 500,
    code: "internal_error",
    message: "The proxy failed",
    hint: "The operator's log has the reason under the answer's Countersign-Request-Id",
    alarm: true,
  },
};

// RFC 6750 §3: a presented token that is not accepted is challenged with the error and its description.
function unauthorized(code: PublicCode, message: string, hint: string): Refusal {
  const challenge = `Bearer error="invalid_token", error_description="${message}"`;
  return { status: 401, code, message, hint, headers: { "www-authenticate": challenge } };
}

function forbidden(code: PublicCode, message: string, hint: string): Refusal {
  return explained({ status: 403, code, message, hint });
}

function explained(refusal: Refusal): Refusal {
  return { ...refusal, explains: true };
}
