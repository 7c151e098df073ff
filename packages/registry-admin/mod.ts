/**
 * Administers a target's registry: which issuers it trusts, with which keys, and what their tokens may claim.
 *
 * Every operation works through the target's PostgREST (`{supabaseUrl, serviceRoleKey}`) and through its Postgres
 * (`{databaseUrl}` or `{sql}`), with the same result and the same errors.
 *
 * @example Register an issuer's key
 * ```ts
 * import { getPolicy, registerPublicKey } from "@countersign/registry-admin";
 * import { startLocalTarget } from "@countersign/local-target";
 * import { generateIssuerKeyPair } from "@countersign/signer";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({
 *   function: false,
 *   sql: ["select countersign.create_writer_role('invoices_writer')"],
 * });
 * const project = { supabaseUrl: target.url, serviceRoleKey: target.serviceRoleKey };
 *
 * const { publicKey } = await generateIssuerKeyPair();
 * await registerPublicKey({ ...project, issuer: "billing", publicKey, roles: ["invoices_writer"] });
 *
 * assert.deepEqual((await getPolicy(project, "billing")).roles, ["invoices_writer"]);
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
export { getIssuerRecord } from "./issuer_record.ts";
export { auditLog, type AuditQuery } from "./audit_log.ts";
export type { Algorithm, IssuerKey, IssuerPolicy, IssuerRecord } from "@countersign/verifier";
export type { AuditRow, KeyState, PublicKeyRow, RegisteredKey } from "./rows.ts";
export { disableGuard, enableGuard, type GuardStatus, guardStatus } from "./guard.ts";

export { type OpenDatabase, openDatabase } from "./connection.ts";
export { type RoleStanding, roleStandings } from "./role_standings.ts";
export { type SchemaDifference, schemaDifferences } from "./schema_differences.ts";
export { databaseTime } from "./database_time.ts";

export { applyMigrations } from "./apply_migrations.ts";
export { type Migration, MIGRATIONS } from "./migrations.ts";
