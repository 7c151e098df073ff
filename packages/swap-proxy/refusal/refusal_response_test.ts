import assert from "node:assert/strict";
import { JwtVerificationError } from "@countersign/verifier";
import { SwapProxyError } from "../errors.ts";
import { refusalReason } from "./refusal_reason.ts";
import { refusalResponse } from "./refusal_response.ts";
import { REFUSALS } from "./refusals.ts";

const context = (error: unknown, method = "POST") => ({ method, requestId: "12345678", error });

Deno.test("refusalResponse() says the same of every reason that depends on the registry, byte for byte", async () => {
  const reasons = [
    "unknown_issuer",
    "inactive_issuer",
    "unknown_key",
    "revoked_key",
    "bad_signature",
  ] as const;
  const bodies = reasons.map((reason) => {
    const error = new JwtVerificationError(reason, `private: ${reason}`, { issuer: "billing" });
    return refusalResponse(REFUSALS[reason], context(error)).text();
  });
  const [first, ...others] = await Promise.all(bodies);
  for (const other of others) assert.equal(other, first);
  assert.doesNotMatch(first!, /private|billing/);
});

Deno.test("refusalResponse() explains what is wrong with claims once the signature held", async () => {
  const error = new JwtVerificationError("expired", "The token has expired");
  const body = await refusalResponse(REFUSALS.expired, context(error)).json();
  assert.equal(body.details, "The token has expired");
  const other = await refusalResponse(REFUSALS.expired, context(new Error("The token has expired")))
    .json();
  assert.equal(other.details, null);
});

Deno.test("refusalResponse() is never kept, and has no body for HEAD", async () => {
  for (const method of ["POST", "HEAD"]) {
    const response = refusalResponse(REFUSALS.token_missing, context(undefined, method));
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.equal(response.headers.get("countersign-request-id"), "12345678");
    assert.equal((await response.text()).length > 0, method === "POST");
  }
});

Deno.test("refusalReason() takes anything that it does not know for an error of our own", () => {
  assert.equal(refusalReason(new JwtVerificationError("expired", "x")), "expired");
  assert.equal(refusalReason(new SwapProxyError("upstream_timeout", "x")), "upstream_timeout");
  for (
    const thrown of [
      new Error("x"),
      undefined,
      "expired",
      { code: "expired" },
      new SwapProxyError("configuration_invalid", "x"),
    ]
  ) {
    assert.equal(refusalReason(thrown), "internal_error");
  }
});
