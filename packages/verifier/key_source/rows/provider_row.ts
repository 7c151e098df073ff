import type { Condition, FederationRule, ProviderRecord } from "../../federation/rule.ts";
import { isAlgorithm } from "../../key/algorithms.ts";
import {
  columnsOf,
  isArray,
  isBoolean,
  isMode,
  isNonEmptyString,
  isObject,
  isSeconds,
  isString,
  isStringArray,
  nullable,
  seconds,
} from "./row_columns.ts";

/** The columns of `jwt_federation_policies` that {@linkcode parseProviderRow} reads. */
export const PROVIDER_COLUMNS: readonly string[] = Object.freeze([
  "provider",
  "is_active",
  "keys_from",
  "jwks_uri",
  "jwks",
  "algorithms",
  "allow_private",
  "rules",
  "revoked_kids",
]);

/**
 * Reads a row of the view `jwt_federation_policies`, from PostgREST or from a Postgres driver.
 *
 * Anything missing or of another type throws: a rule is never guessed. An algorithm that this version doesn't know is left
 * out, so that it verifies nothing. Columns that it doesn't know are ignored.
 *
 * @param row The row: `text[]` as arrays, `jsonb` as values.
 * @returns The record.
 * @throws {JwtVerificationError} `registry_unavailable`, naming the column but not what is in it.
 *
 * @example Refusing to guess
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseProviderRow } from "@countersign/verifier";
 *
 * const row = { provider: "https://ci.example.com" };
 * assert.throws(() => parseProviderRow(row), { code: "registry_unavailable" });
 * ```
 */
export function parseProviderRow(row: unknown): ProviderRecord {
  const column = columnsOf(row, 'row of "jwt_federation_policies"');
  return {
    provider: column("provider", isNonEmptyString),
    isActive: column("is_active", isBoolean),
    keysFrom: column("keys_from", isKeysFrom),
    jwksUri: column("jwks_uri", nullable(isString)),
    jwks: column("jwks", nullable(isObject)),
    algorithms: column("algorithms", isStringArray).filter(isAlgorithm),
    allowPrivate: column("allow_private", isBoolean),
    rules: column("rules", isArray).map(parseRule),
    revokedKids: column("revoked_kids", isStringArray),
  };
}

function parseRule(value: unknown): FederationRule {
  const member = columnsOf(value, 'rule of "jwt_federation_policies"');
  return {
    name: member("name", isNonEmptyString),
    issuer: member("issuer", isNonEmptyString),
    audiences: member("audiences", isStringArray),
    conditions: member("conditions", isConditions),
    subject: member("subject", isString),
    claims: member("claims", isStringMap),
    role: member("role", nullable(isString)),
    maxTokenLifetime: seconds(member("max_token_lifetime", isSeconds)),
    mode: member("mode", isMode),
    isActive: member("is_active", isBoolean),
  };
}

const isKeysFrom = (value: unknown): value is ProviderRecord["keysFrom"] =>
  value === "discovery" || value === "jwks_uri" || value === "jwks";

const isScalar = (value: unknown): boolean =>
  isString(value) || isBoolean(value) || typeof value === "number";

const isConditions = (value: unknown): value is Readonly<Record<string, Condition>> =>
  isObject(value) &&
  Object.values(value).every((wanted: unknown) =>
    isScalar(wanted) || (isArray(wanted) && wanted.every(isScalar))
  );

const isStringMap = (value: unknown): value is Readonly<Record<string, string>> =>
  isObject(value) && Object.values(value).every(isString);
