/** What whoever signed a token learns about its claims, and the operator's log with them. */
import assert from "node:assert/strict";
import { makeRecord, makeToken, NOW, verify } from "../fixtures/tokens.ts";
import { JwtVerificationError } from "../mod.ts";

Deno.test("verifyMultiIssuerJwt() says what a verified token has, and which claim it is", async () => {
  const record = await makeRecord({
    policy: { allowedClaims: ["note"], allowedSubjects: ["job-1"] },
  });
  const cases: readonly [
    Record<string, unknown>,
    string | undefined,
    string | undefined,
    RegExp,
  ][] = [
    [{ iat: NOW * 1000 }, "iat", undefined, /"iat" in seconds .* milliseconds: 1800000000000/],
    [{ exp: "soon" }, "exp", undefined, /"exp" .* found a string/],
    [{ exp: undefined }, "exp", undefined, /"exp" .* found none/],
    [{ nbf: null }, "nbf", undefined, /"nbf" .* found null/],
    [
      { exp: NOW },
      "exp",
      undefined,
      /"exp" to be later than "iat", found 1800000000 and 1800000000/,
    ],
    [{ nbf: NOW + 61 }, "nbf", undefined, /"nbf" to be no later than "exp"/],
    [{ iat: NOW - 100, exp: NOW - 42 }, "exp", undefined, /expired 42 seconds ago: "exp" is/],
    [{ iat: NOW + 30, exp: NOW + 60 }, "iat", undefined, /"iat" is 30 seconds in the future/],
    [{ nbf: NOW + 20 }, "nbf", undefined, /"nbf" is 20 seconds in the future/],
    [{ exp: NOW + 301 }, "exp", undefined, /at most 300 seconds after "iat", found 301/],
    [{ aud: 1 }, "aud", undefined, /"aud" to be a string/],
    [{ aud: "elsewhere" }, "aud", undefined, /another audience/],
    [{ role: ["billing_writer"] }, "role", undefined, /"role" to be a string, found an array/],
    [{ role: {} }, "role", undefined, /"role" to be a string, found an object/],
    [{ role: "shipping_writer" }, "role", "shipping_writer", /"shipping_writer" is not among/],
    [{ role: "service_role" }, "role", "service_role", /"service_role" is reserved/],
    [{ role: "a\nb" }, "role", undefined, /The role is not among/],
    [{ sub: "job-2" }, "sub", undefined, /subject is not among/],
    [{ sub: 7 }, "sub", undefined, /"sub" .* found 7/],
    [{ sub: "x".repeat(256) }, "sub", undefined, /"sub" .* found 256 characters/],
    [{ sub: "job-1", jti: "" }, "jti", undefined, /"jti" .* found 0 characters/],
    [{ sub: "job-1", scope: "x" }, "scope", undefined, /"scope" is protected/],
    [{ sub: "job-1", tenant: "x" }, "tenant", undefined, /"tenant" is not among/],
  ];
  for (const [changes, claim, role, message] of cases) {
    const token = await makeToken({ claims: changes });
    await assert.rejects(verify(token, record), (error) => {
      assert.ok(error instanceof JwtVerificationError);
      assert.deepEqual([error.claim, error.role], [claim, role], error.message);
      assert.match(error.message, message);
      assert.equal(error.issuer, "billing");
      return true;
    });
  }
});
