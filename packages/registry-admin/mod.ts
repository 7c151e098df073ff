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
export {
  type DeclarationProblem,
  RegistryError,
  type RegistryErrorCode,
  type RegistryErrorDetails,
} from "./errors.ts";
export type {
  ChangeOptions,
  DatabaseTarget,
  PlannedRow,
  RegistryTarget,
  RestTarget,
  SqlTarget,
} from "./target.ts";

export {
  type KeyRegistration,
  type RegisterOptions,
  registerPublicKey,
} from "./keys/register_public_key.ts";
export {
  type KeyRotation,
  rotateKey,
  type RotateOptions,
  type RotationResult,
} from "./keys/rotate_key.ts";
export { activateIssuer, deactivateIssuer } from "./issuers/issuer_state.ts";
export { activateKey, revokeKey } from "./keys/key_state.ts";
export {
  getPolicy,
  type PolicyFields,
  type RegisteredPolicy,
  setPolicy,
} from "./issuers/policy.ts";
export { type IssuerSummary, listIssuers, listPublicKeys } from "./issuers/list.ts";
export { getIssuerRecord } from "./issuers/issuer_record.ts";
export {
  activateProvider,
  deactivateProvider,
  type ProviderKeyRevocation,
  restoreProviderKey,
  revokeProviderKey,
} from "./providers/provider_state.ts";
export {
  addProvider,
  listProviders,
  type ProviderFields,
  type ProviderRegistration,
  type RegisteredProvider,
} from "./providers/providers.ts";
export { getProviderRecord } from "./providers/provider_record.ts";
export { activateRule, deactivateRule } from "./rules/rule_state.ts";
export {
  addRule,
  type AddRuleOptions,
  listRules,
  type RegisteredRule,
  type RuleRegistration,
} from "./rules/rules.ts";
export { auditLog, type AuditQuery } from "./database/audit_log.ts";
export type {
  Algorithm,
  Condition,
  ConditionScalar,
  FederationRule,
  IssuerKey,
  IssuerPolicy,
  IssuerRecord,
  ProviderRecord,
  RegistryIdentity,
} from "@countersign/verifier";
export type { AuditRow, KeyState, PublicKeyRow, RegisteredKey } from "./store/rows.ts";
export { disableGuard, enableGuard, type GuardStatus, guardStatus } from "./database/guard.ts";
export { rotateSealKey } from "./database/seal.ts";

export { type OpenDatabase, openDatabase } from "./store/connection.ts";
export { type RelationAccess, roleAccess, type TableCommand } from "./access/role_access.ts";
export { type Exposure, exposure } from "./access/exposure.ts";
export { type Attempt, attempt, type AttemptResult } from "./access/attempt.ts";
export { type RoleStanding, roleStandings } from "./database/role_standings.ts";
export { type SchemaDifference, schemaDifferences } from "./database/schema_differences.ts";
export { registryIdentity } from "./database/registry_identity.ts";
export { databaseTime } from "./database/database_time.ts";

export { applyMigrations } from "./database/apply_migrations.ts";
export { type Migration, MIGRATIONS } from "./database/migrations.ts";

export { type ExportedRegistry, exportRegistry } from "./declared/export_registry.ts";
export {
  type Declaration,
  type DeclaredEntry,
  readDeclaration,
  type ReadDeclarationOptions,
} from "./declared/file/read_declaration.ts";
export type { RegistryEntries } from "./declared/sections/all_sections.ts";
export type { RegistryEntry, SectionName } from "./declared/sections/section.ts";
export type { RegistryValue, RegistryValues } from "./declared/fields/value.ts";
export type { SourcePosition } from "./declared/file/toml_source.ts";
export { keyFilesIn } from "./declared/file/key_files.ts";
export { planDeclaration, type PlanOptions } from "./declared/plan_declaration.ts";
export {
  type AppliedPlan,
  applyDeclaration,
  type ApplyOptions,
} from "./declared/apply_declaration.ts";
export { planMigration } from "./declared/plan_migration.ts";
export type {
  PlannedChange,
  PlannedField,
  PlannedValue,
  RegistryPlan,
  Undeclared,
} from "./declared/plan/registry_plan.ts";
export type { Columns, ColumnValue, RowChange } from "./store/registry_store.ts";
