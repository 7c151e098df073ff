import assert from "node:assert/strict";
import { refusalResponse } from "./refusal_response.ts";
import { REFUSALS } from "./refusals.ts";

Deno.test("REFUSALS has PostgREST's shape, a code of its own form and a challenge on every 401", async () => {
  for (const [reason, row] of Object.entries(REFUSALS)) {
    const response = refusalResponse(row, "GET", "id");
    const body = await response.json();
    assert.deepEqual(Object.keys(body), ["code", "message", "details", "hint"], reason);
    assert.match(body.code, /^[a-z_]+$/, reason);
    assert.ok(response.status >= 400, reason);
    assert.equal(response.headers.has("www-authenticate"), response.status === 401, reason);
    assert.equal(response.headers.has("retry-after"), response.status === 503, reason);
  }
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
