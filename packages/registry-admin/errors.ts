/** Why a registry operation failed. Closed: adding one is a change of the public API. */
export type RegistryErrorCode =
  /** An argument is invalid: a name, a number, a URL. */
  | "invalid_argument"
  /** The verifier does not accept the key. */
  | "invalid_public_key"
  /** The database does not allow issuers to claim this role. */
  | "role_not_allowed"
  /** The registry has no such issuer. */
  | "issuer_not_found"
  /** The registry has no such OIDC provider. */
  | "provider_not_found"
  /** The registry has no such federation rule. */
  | "rule_not_found"
  /** The registry has no such key. */
  | "key_not_found"
  /** The key is registered for another issuer. A key has exactly one issuer. */
  | "key_belongs_to_another_issuer"
  /** The key was revoked. Registering it again does not bring it back. */
  | "key_revoked"
  /** The credentials are wrong, or may not administer the registry. */
  | "not_authorized"
  /** The registry's tables are missing: the migrations were not applied. */
  | "schema_missing"
  /** The target did not give a usable response. */
  | "unreachable"
  /** The request contradicts what is registered, or another change was made at the same time. */
  | "conflict"
  /** The declaration is invalid: see `problems`. */
  | "invalid_declaration"
  /** Applying the declaration would accept tokens that are rejected today, and the caller has not allowed that. */
  | "loosening_refused"
  /** The database rejected the statement for another reason: see `sqlstate` and the message. */
  | "refused_by_database";

/** A problem in a declaration, and where it is. */
export interface DeclarationProblem {
  /** Counted from 1. */
  readonly line: number;
  /** Counted from 1. */
  readonly column: number;
  /** What was expected. Quotes nothing from the file except names of members. */
  readonly message: string;
}

/** Details of a failure. None of them is secret. */
export interface RegistryErrorDetails {
  /** The Postgres error code, or PostgREST's (`PGRST…`), where the target gave one. */
  sqlstate?: string;
  /** The problems of a declaration, in the order of the file. */
  problems?: readonly DeclarationProblem[];
  /** Kept only if it contains no URL, key, or password. */
  cause?: unknown;
}

/**
 * A registry operation that failed, and why.
 *
 * Neither the message nor the cause ever contains a service key, a password, or a connection URL.
 *
 * @example Tell a missing migration from a wrong key
 * ```ts
 * import { RegistryError } from "@countersign/registry-admin";
 * import { strictEqual } from "node:assert/strict";
 *
 * const error: unknown = new RegistryError("schema_missing", "Expected the registry's tables");
 * const advice = error instanceof RegistryError && error.code === "schema_missing"
 *   ? "apply the migrations first"
 *   : "try again";
 * strictEqual(advice, "apply the migrations first");
 * ```
 */
export class RegistryError extends Error {
  /** Always `"RegistryError"`. */
  override readonly name = "RegistryError";
  /** Why: one of a closed set. */
  readonly code: RegistryErrorCode;
  /** The Postgres error code, or PostgREST's (`PGRST…`), where the target gave one. */
  readonly sqlstate: string | undefined;
  /** The problems of a declaration, in the order of the file. Empty for every other code. */
  readonly problems: readonly DeclarationProblem[];

  /**
   * Makes an error of one code.
   *
   * @param code Why the operation failed.
   * @param message What was expected, and how to fix it.
   * @param details What else is known, nothing of it secret.
   */
  constructor(code: RegistryErrorCode, message: string, details: RegistryErrorDetails = {}) {
    super(message, details.cause === undefined ? {} : { cause: details.cause });
    this.code = code;
    this.sqlstate = details.sqlstate;
    this.problems = details.problems ?? [];
  }
}
