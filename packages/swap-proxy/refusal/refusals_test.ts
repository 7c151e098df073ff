import assert from "node:assert/strict";
import { refusalResponse } from "./refusal_response.ts";
import { type RefusalReason, REFUSALS } from "./refusals.ts";

Deno.test("REFUSALS has PostgREST's shape, a code of its own form and a challenge on every 401", async () => {
  for (const [reason, row] of Object.entries(REFUSALS)) {
    const response = refusalResponse(row, {
      method: "GET",
      requestId: "id",
      error: new Error("secret"),
    });
    const body = await response.json();
    assert.deepEqual(Object.keys(body), ["code", "message", "details", "hint"], reason);
    assert.match(body.code, /^[a-z_]+$/, reason);
    assert.equal(body.details, null, "an error that is not the verifier's explains nothing");
    assert.ok(response.status >= 400, reason);
    assert.equal(response.headers.has("www-authenticate"), response.status === 401, reason);
    assert.equal(response.headers.has("retry-after"), response.status === 503, reason);
  }
});

/** What a caller must get, and whether it is an alarm: written from the design, and not taken from the table. */
const EXPECTED: Readonly<Record<RefusalReason, readonly [number, string, "alarm"?]>> = {
  host_invalid: [400, "host_invalid"],
  path_not_found: [404, "path_not_found"],
  method_not_allowed: [405, "method_not_allowed"],
  gateway_not_allowed: [404, "path_not_found"],
  gateway_request_invalid: [400, "gateway_request_invalid"],
  token_missing: [401, "token_missing"],
  token_empty: [400, "token_empty"],
  credentials_invalid: [400, "credentials_invalid"],
  token_too_large: [431, "token_too_large"],
  malformed: [401, "token_malformed"],
  header_not_allowed: [401, "header_not_allowed"],
  issuer_not_allowed: [401, "token_refused"],
  unknown_issuer: [401, "token_refused"],
  inactive_issuer: [401, "token_refused"],
  unknown_key: [401, "token_refused"],
  revoked_key: [401, "token_refused"],
  key_not_current: [401, "token_refused"],
  algorithm_mismatch: [401, "token_refused"],
  bad_signature: [401, "token_refused"],
  unusable_key: [401, "token_refused"],
  issued_before_cutoff: [401, "token_refused"],
  wrong_audience: [401, "token_refused"],
  invalid_claims: [401, "claims_invalid"],
  expired: [401, "token_expired"],
  not_yet_valid: [401, "token_not_yet_valid"],
  lifetime_too_long: [403, "lifetime_not_allowed"],
  role_not_allowed: [403, "role_not_allowed"],
  subject_not_allowed: [403, "subject_not_allowed"],
  claim_not_allowed: [403, "claim_not_allowed"],
  rule_not_matched: [403, "rule_not_matched"],
  ambiguous_rule: [403, "ambiguous_rule"],
  registry_unavailable: [503, "registry_unavailable"],
  registry_overloaded: [503, "registry_unavailable"],
  provider_unavailable: [503, "registry_unavailable"],
  seal_key_missing: [503, "registry_unavailable", "alarm"],
  upstream_unreachable: [502, "upstream_unreachable", "alarm"],
  upstream_timeout: [504, "upstream_timeout"],
  upstream_not_found: [404, "upstream_not_found"],
  upstream_invalid: [502, "upstream_invalid"],
  downstream_token_rejected: [502, "downstream_token_rejected", "alarm"],
  role_claim_ignored: [502, "target_misconfigured", "alarm"],
  token_request_invalid: [400, "token_request_invalid"],
  client_authentication_not_supported: [401, "client_authentication_not_supported"],
  grant_type_not_supported: [400, "grant_type_not_supported"],
  scope_not_allowed: [400, "scope_not_allowed"],
  audience_not_allowed: [400, "audience_not_allowed"],
  exchange_not_allowed: [400, "exchange_not_allowed"],
  guard_required: [503, "guard_required", "alarm"],
  client_closed: [499, "client_closed"],
  internal_error: [500, "internal_error", "alarm"],
};

Deno.test("REFUSALS has the status, the code and the alarm of the design", () => {
  assert.deepEqual(Object.keys(REFUSALS).toSorted(), Object.keys(EXPECTED).toSorted());
  for (const [reason, [status, code, alarm]] of Object.entries(EXPECTED)) {
    const refusal = REFUSALS[reason as RefusalReason];
    assert.deepEqual(
      [refusal.status, refusal.code, refusal.alarm === true],
      [status, code, alarm === "alarm"],
      reason,
    );
  }
});

Deno.test("REFUSALS explains nothing before the signature held", () => {
  const explained = Object.entries(REFUSALS).filter(([, { explains }]) => explains)
    .map(([reason]) => reason);
  assert.deepEqual(explained.toSorted(), [
    "ambiguous_rule",
    "claim_not_allowed",
    "expired",
    "invalid_claims",
    "lifetime_too_long",
    "not_yet_valid",
    "role_not_allowed",
    "rule_not_matched",
    "subject_not_allowed",
  ]);
});

Deno.test("REFUSALS names the methods, the time to come back and the challenge", () => {
  assert.equal(
    REFUSALS.method_not_allowed.headers?.allow,
    "GET, HEAD, POST, PATCH, PUT, DELETE, OPTIONS",
  );
  assert.equal(REFUSALS.registry_unavailable.headers?.["retry-after"], "1");
  assert.equal(REFUSALS.token_missing.headers?.["www-authenticate"], "Bearer");
  assert.equal(
    REFUSALS.expired.headers?.["www-authenticate"],
    'Bearer error="invalid_token", error_description="The token has expired"',
  );
});

Deno.test("REFUSALS tells nothing that depends on the registry before the signature holds", () => {
  const alike = [
    REFUSALS.issuer_not_allowed,
    REFUSALS.unknown_issuer,
    REFUSALS.inactive_issuer,
    REFUSALS.unknown_key,
    REFUSALS.revoked_key,
    REFUSALS.key_not_current,
    REFUSALS.algorithm_mismatch,
    REFUSALS.bad_signature,
    REFUSALS.unusable_key,
    REFUSALS.issued_before_cutoff,
    REFUSALS.wrong_audience,
  ];
  assert.equal(new Set(alike).size, 1);
});

Deno.test("REFUSALS uses one status and message per public code", () => {
  const byCode = new Map<string, string>();
  for (const { code, status, message, hint } of Object.values(REFUSALS)) {
    const text = JSON.stringify({ status, message, hint });
    assert.equal(byCode.get(code) ?? text, text, code);
    byCode.set(code, text);
  }
});
