import { type Algorithm, ALGORITHMS } from "@countersign/verifier";
import { RegistryError } from "../errors.ts";
import type { Row } from "./registry_store.ts";

/** A registered key, as the registry stores it. Times are ISO 8601 in UTC. */
export interface PublicKeyRow {
  /** Whose key it is. */
  issuer: string;
  /** SPKI PEM. */
  public_key: string;
  /** The only algorithm that the key verifies. */
  algorithm: Algorithm;
  /** Whether the registry trusts the key: neither it was revoked nor its issuer deactivated. */
  is_active: boolean;
  /** When it was registered. */
  created_at: string;
  /** When its row last changed. */
  updated_at: string;
  /** base64url(SHA-256(SPKI DER)). */
  kid: string;
  /** When the key starts to verify; `null`: it always did. */
  not_before: string | null;
  /** When the key stops verifying; `null`: never. */
  not_after: string | null;
}

/** Where a key stands in its life. Only `current` keys verify anything. */
export type KeyState = "standby" | "current" | "retired" | "revoked";

/** A key together with the state it is in, its issuer's aside. */
export interface RegisteredKey extends PublicKeyRow {
  /** `revoked` goes before everything else. */
  state: KeyState;
}

/** One change of the registry. The log is append-only. */
export interface AuditRow {
  /** Grows with every change. */
  id: number;
  /** ISO 8601, UTC. */
  at: string;
  /** The registry's revision that the change made. */
  revision: number;
  /** The role that acted: `service_role` over REST. */
  actor: string;
  /** The role that had logged in: `authenticator` over REST. */
  session_role: string;
  /** Why, if that was said: `reason` of a target, or the setting `countersign.reason`. */
  reason: string | null;
  /** Over REST, `iss`, `sub`, `role` and `session_id` of the request's token. */
  claims: Readonly<Record<string, unknown>> | null;
  /** What was done to the row. */
  operation: "INSERT" | "UPDATE" | "DELETE";
  /** `jwt_issuers`, `jwt_public_keys`, `jwt_oidc_providers`, `jwt_federation_rules` or `jwt_revoked_provider_keys`. */
  table_name: string;
  /** Whose row it was: an issuer, or a provider. */
  issuer: string;
  /** The key, where the row was a key's. */
  kid: string | null;
  /** The row before the change; `null` for an insertion. */
  before: Readonly<Record<string, unknown>> | null;
  /** The row after the change; `null` for a deletion. */
  after: Readonly<Record<string, unknown>> | null;
}

/** Reads a row of `jwt_public_keys`. `issuerActive`: whether its issuer may use it at all. */
export function publicKeyRow(row: Row, issuerActive: boolean): PublicKeyRow {
  const algorithm = ALGORITHMS.find((name) => name === row.algorithm);
  if (algorithm === undefined) throw unexpected("algorithm");
  return {
    issuer: text(row, "issuer"),
    public_key: text(row, "public_key"),
    algorithm,
    is_active: flag(row, "is_active") && issuerActive,
    created_at: instant(row, "created_at"),
    updated_at: instant(row, "updated_at"),
    kid: text(row, "kid"),
    not_before: nullable(row, "not_before", instant),
    not_after: nullable(row, "not_after", instant),
  };
}

/** Reads a row of `jwt_public_keys` with the state that it is in at `now`, in milliseconds. */
export function registeredKey(row: Row, issuerActive: boolean, now: number): RegisteredKey {
  const key = publicKeyRow(row, issuerActive);
  return { ...key, state: keyState(flag(row, "is_active"), key, now) };
}

function keyState(
  isActive: boolean,
  { not_before, not_after }: PublicKeyRow,
  now: number,
): KeyState {
  if (!isActive) return "revoked";
  if (not_after !== null && Date.parse(not_after) <= now) return "retired";
  return not_before !== null && Date.parse(not_before) > now ? "standby" : "current";
}

const OPERATIONS = ["INSERT", "UPDATE", "DELETE"] as const;

/** Reads a row of `jwt_registry_audit`. */
export function auditRow(row: Row): AuditRow {
  const operation = OPERATIONS.find((name) => name === row.operation);
  if (operation === undefined) throw unexpected("operation");
  return {
    id: number(row, "id"),
    at: instant(row, "at"),
    revision: number(row, "revision"),
    actor: text(row, "actor"),
    session_role: text(row, "session_role"),
    reason: nullable(row, "reason", text),
    claims: nullable(row, "claims", object),
    operation,
    table_name: text(row, "table_name"),
    issuer: text(row, "issuer"),
    kid: nullable(row, "kid", text),
    before: nullable(row, "before", object),
    after: nullable(row, "after", object),
  };
}

export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw unexpected(column);
  return value;
}

export function flag(row: Row, column: string): boolean {
  const value = row[column];
  if (typeof value !== "boolean") throw unexpected(column);
  return value;
}

export function number(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== "number") throw unexpected(column);
  return value;
}

export function texts(row: Row, column: string): string[] {
  const value = row[column];
  if (!Array.isArray(value) || !value.every((item) => typeof item === "string")) {
    throw unexpected(column);
  }
  return value;
}

/** Postgres writes microseconds and an offset; we give what `Date` can hold, so that both paths agree. */
export function instant(row: Row, column: string): string {
  const milliseconds = Date.parse(text(row, column));
  if (Number.isNaN(milliseconds)) throw unexpected(column);
  return new Date(milliseconds).toISOString();
}

export function nullable<T>(
  row: Row,
  column: string,
  read: (row: Row, column: string) => T,
): T | null {
  return row[column] === null ? null : read(row, column);
}

export function object(row: Row, column: string): Readonly<Record<string, unknown>> {
  const value = row[column];
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw unexpected(column);
  return Object.fromEntries(Object.entries(value));
}

function unexpected(column: string): RegistryError {
  return new RegistryError(
    "schema_missing",
    `Expected a registry with the column "${column}" as Countersign's migrations make it; apply them`,
  );
}
