/**
 * Claims that say who an end user is. A token may carry one only if its issuer's policy names it.
 *
 * Policies of the target believe them, because so far only Supabase Auth could write them.
 */
export const PROTECTED_CLAIMS: readonly string[] = Object.freeze([
  // An access token of Supabase Auth.
  "app_metadata",
  "user_metadata",
  "email",
  "phone",
  "aal",
  "amr",
  "session_id",
  "is_anonymous",
  "client_id",
  "scope",
  "user_id",
  // The same facts under the names of OpenID Connect, of `auth.users`, and of third-party auth.
  "email_verified",
  "phone_verified",
  "phone_number",
  "phone_number_verified",
  "auth_time",
  "acr",
  "raw_app_meta_data",
  "raw_user_meta_data",
  "is_super_admin",
  "is_sso_user",
  // What Supabase's guide to role-based access has a hook write, and its policies read.
  "user_role",
  // The project's own API keys, and sessions with another provider.
  "ref",
  "provider_token",
  "provider_refresh_token",
  // Other engines in front of the same database.
  "https://hasura.io/jwt/claims",
]);

const protectedClaims: ReadonlySet<string> = new Set(PROTECTED_CLAIMS);

/** Tells whether a claim has to be named by the policy. */
export function isProtectedClaim(name: string): boolean {
  return protectedClaims.has(name);
}

/** The claim that marks a downstream token. No policy can allow it: it would forge the mark. */
export const COUNTERSIGN_CLAIM = "countersign";

const registeredClaims: ReadonlySet<string> = new Set([
  "iss",
  "sub",
  "aud",
  "exp",
  "nbf",
  "iat",
  "jti",
  "role",
]);

/** Tells whether a claim has rules of its own (RFC 7519 §4.1, and `role`). */
export function isRegisteredClaim(name: string): boolean {
  return registeredClaims.has(name);
}
