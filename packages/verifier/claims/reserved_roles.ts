/**
 * Roles of the platform, and words that `SET ROLE` gives another meaning. The registry refuses them as well;
 * this holds even if the registry is wrong. `anon` and `authenticated` are not among them.
 */
const RESERVED =
  /^(?:service_role|authenticator|postgres|pgbouncer|dashboard_user|none|public|supabase_.*|pgsodium.*|pg_.*)$/is;

/** Tells whether no issuer may have a role, whatever its policy says. */
export function isReservedRole(role: string): boolean {
  return RESERVED.test(role);
}
