import assert from "node:assert/strict";
import {
  COUNTERSIGN_CLAIM,
  isProtectedClaim,
  isRegisteredClaim,
  PROTECTED_CLAIMS,
} from "./protected_claims.ts";

Deno.test("isProtectedClaim() knows what says who an end user is", () => {
  for (
    const name of [
      "app_metadata",
      "user_metadata",
      "email",
      "phone",
      "aal",
      "amr",
      "session_id",
      "is_anonymous",
    ]
  ) {
    assert.ok(isProtectedClaim(name), name);
    assert.ok(!isProtectedClaim(name.toUpperCase()), "Postgres compares a member's name exactly");
  }
  for (const name of ["tenant", "region", "constructor", "__proto__", ""]) {
    assert.ok(!isProtectedClaim(name), name);
  }
});

Deno.test("isRegisteredClaim() leaves nothing out that has rules of its own", () => {
  for (const name of ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "role"]) {
    assert.ok(isRegisteredClaim(name), name);
  }
  for (const name of [...PROTECTED_CLAIMS, COUNTERSIGN_CLAIM, "toString", "Role"]) {
    assert.ok(!isRegisteredClaim(name), name);
  }
});
