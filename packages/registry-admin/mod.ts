/**
 * Administers a target's registry: which issuers it trusts, with which keys, and what their tokens may claim.
 *
 * Every operation works through the target's PostgREST (`{supabaseUrl, serviceRoleKey}`) and through its Postgres
 * (`{databaseUrl}` or `{sql}`), with the same result and the same errors.
 *
 * @example Register an issuer's key
 * ```ts no-run
 * import { registerPublicKey } from "@countersign/registry-admin";
 *
 * const row = await registerPublicKey({
 *   supabaseUrl: "https://prod-abc123.supabase.co",
 *   serviceRoleKey: Deno.env.get("SUPABASE_SERVICE_ROLE_KEY")!,
 *   issuer: "billing",
 *   publicKey: await Deno.readTextFile("./keys/billing-prod-abc123.pub"),
 *   roles: ["invoices_writer"],
 * });
 * console.log(row.kid);
 * ```
 *
 * @module
 */
export { RegistryError, type RegistryErrorCode, type RegistryErrorDetails } from "./errors.ts";
export type { DatabaseTarget, RegistryTarget, RestTarget, SqlTarget } from "./target.ts";

export {
  type KeyRegistration,
  type RegisterOptions,
  registerPublicKey,
} from "./register_public_key.ts";
export {
  type KeyRotation,
  rotateKey,
  type RotateOptions,
  type RotationResult,
} from "./rotate_key.ts";
export { activateIssuer, deactivateIssuer } from "./issuer_state.ts";
export { activateKey, revokeKey } from "./key_state.ts";
export { getPolicy, type PolicyFields, type RegisteredPolicy, setPolicy } from "./policy.ts";
export { type IssuerSummary, listIssuers, listPublicKeys } from "./list.ts";
export { auditLog, type AuditQuery } from "./audit_log.ts";
export type { AuditRow, KeyState, PublicKeyRow, RegisteredKey } from "./rows.ts";

export { applyMigrations } from "./apply_migrations.ts";
export { type Migration, MIGRATIONS } from "./migrations.ts";
