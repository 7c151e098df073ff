import assert from "node:assert/strict";
import {
  COUNTERSIGN_CLAIM,
  isProtectedClaim,
  isRegisteredClaim,
  PROTECTED_CLAIMS,
} from "./protected_claims.ts";

/** Written out, for a claim that vanishes from the list would vanish from every test made of it. */
const SAY_WHO_A_USER_IS = [
  "aal",
  "acr",
  "amr",
  "app_metadata",
  "auth_time",
  "client_id",
  "email",
  "email_verified",
  "https://hasura.io/jwt/claims",
  "is_anonymous",
  "is_sso_user",
  "is_super_admin",
  "phone",
  "phone_number",
  "phone_number_verified",
  "phone_verified",
  "provider_refresh_token",
  "provider_token",
  "raw_app_meta_data",
  "raw_user_meta_data",
  "ref",
  "scope",
  "session_id",
  "user_id",
  "user_metadata",
  "user_role",
];

Deno.test("isProtectedClaim() knows what says who an end user is", () => {
  assert.deepEqual(PROTECTED_CLAIMS.toSorted(), SAY_WHO_A_USER_IS);
  for (const name of SAY_WHO_A_USER_IS) {
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
