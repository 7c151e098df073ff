import { isAlgorithm } from "../key/algorithms.ts";
import { JwtVerificationError } from "../errors.ts";
import type { IssuerKey, IssuerRecord } from "../types.ts";

/** The columns of `jwt_issuer_policies` that {@linkcode parseIssuerRow} reads. */
export const POLICY_COLUMNS: readonly string[] = Object.freeze([
  "issuer",
  "is_active",
  "allowed_roles",
  "default_role",
  "allowed_subjects",
  "allow_user_subjects",
  "allowed_claims",
  "audiences",
  "max_token_lifetime",
  "reject_issued_before",
  "single_use",
  "mode",
  "keys",
  "revoked_kids",
]);

/**
 * Reads a row of the view `jwt_issuer_policies`, from PostgREST or from a Postgres driver.
 *
 * Anything missing or of another type throws: a policy is never guessed. A key of an algorithm that this
 * version doesn't know is left out, so that it verifies nothing and the issuer's other keys still do. Columns
 * that it doesn't know are ignored.
 *
 * @param row The row: `text[]` as arrays, `jsonb` as values, `bigint` as number, bigint or digits.
 * @returns The record.
 * @throws {JwtVerificationError} `registry_unavailable`, naming the column but not what is in it.
 *
 * @example Refusing to guess
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseIssuerRow } from "@countersign/verifier";
 *
 * assert.throws(() => parseIssuerRow({ issuer: "billing" }), { code: "registry_unavailable" });
 * ```
 */
export function parseIssuerRow(row: unknown): IssuerRecord {
  const column = columnsOf(row, "row");
  return {
    issuer: column("issuer", isNonEmptyString),
    isActive: column("is_active", isBoolean),
    policy: {
      allowedRoles: column("allowed_roles", isStringArray),
      defaultRole: column("default_role", nullable(isString)),
      allowedSubjects: column("allowed_subjects", nullable(isStringArray)),
      allowUserSubjects: column("allow_user_subjects", isBoolean),
      allowedClaims: column("allowed_claims", nullable(isStringArray)),
      audiences: column("audiences", nullable(isStringArray)),
      maxTokenLifetime: seconds(column("max_token_lifetime", isSeconds)),
      rejectIssuedBefore: optionalSeconds(column("reject_issued_before", nullable(isSeconds))),
      singleUse: column("single_use", isBoolean),
      mode: column("mode", isMode),
    },
    keys: column("keys", isArray).flatMap(parseKey),
    revokedKids: column("revoked_kids", isStringArray),
  };
}

function parseKey(value: unknown): IssuerKey[] {
  const member = columnsOf(value, "key");
  const algorithm = member("algorithm", isString);
  const key = {
    kid: member("kid", isNonEmptyString),
    publicKey: member("public_key", isString),
    notBefore: optionalSeconds(member("not_before", nullable(isSeconds))),
    notAfter: optionalSeconds(member("not_after", nullable(isSeconds))),
  };
  return isAlgorithm(algorithm) ? [{ ...key, algorithm }] : [];
}

type Guard<T> = (value: unknown) => value is T;

/** Reads members by name, and throws on one that isn't what it has to be. */
function columnsOf(value: unknown, what: string): <T>(name: string, guard: Guard<T>) => T {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw unreadable(`Expected a ${what} of "jwt_issuer_policies" to be an object`);
  }
  const members = new Map<string, unknown>(Object.entries(value));
  return (name, guard) => {
    const member = members.get(name);
    if (guard(member)) return member;
    throw unreadable(
      `Expected "${name}" in a ${what} of "jwt_issuer_policies" to have its type: apply the migrations of this version`,
    );
  };
}

function unreadable(message: string): JwtVerificationError {
  return new JwtVerificationError("registry_unavailable", message);
}

const isBoolean = (value: unknown): value is boolean => typeof value === "boolean";
const isString = (value: unknown): value is string => typeof value === "string";
const isNonEmptyString = (value: unknown): value is string => isString(value) && value !== "";
const isArray = (value: unknown): value is unknown[] => Array.isArray(value);
const isStringArray = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every(isString);
const isMode = (value: unknown): value is "enforce" | "observe" =>
  value === "enforce" || value === "observe";
const nullable = <T>(guard: Guard<T>): Guard<T | null> => (value): value is T | null =>
  value === null || guard(value);

type Seconds = number | bigint | string;

/** Drivers give a `bigint` column as a number, a bigint, or its digits. */
function isSeconds(value: unknown): value is Seconds {
  if (typeof value === "string" && !/^\d{1,16}$/.test(value)) return false;
  return (typeof value === "number" || typeof value === "bigint" || typeof value === "string") &&
    Number.isSafeInteger(Number(value)) && Number(value) >= 0;
}

function seconds(value: Seconds): number {
  return Number(value);
}

function optionalSeconds(value: Seconds | null): number | null {
  return value === null ? null : Number(value);
}
