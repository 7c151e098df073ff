import { isAlgorithm } from "../../key/algorithms.ts";
import type { IssuerKey, IssuerRecord } from "../../types.ts";
import {
  columnsOf,
  isArray,
  isBoolean,
  isMode,
  isNonEmptyString,
  isSeconds,
  isString,
  isStringArray,
  nullable,
  optionalSeconds,
  seconds,
} from "./row_columns.ts";

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
  "max_exchange_lifetime",
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
  const column = columnsOf(row, 'row of "jwt_issuer_policies"');
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
      maxExchangeLifetime: optionalSeconds(column("max_exchange_lifetime", nullable(isSeconds))),
      rejectIssuedBefore: optionalSeconds(column("reject_issued_before", nullable(isSeconds))),
      singleUse: column("single_use", isBoolean),
      mode: column("mode", isMode),
    },
    keys: column("keys", isArray).flatMap(parseKey),
    revokedKids: column("revoked_kids", isStringArray),
  };
}

function parseKey(value: unknown): IssuerKey[] {
  const member = columnsOf(value, 'key of "jwt_issuer_policies"');
  const algorithm = member("algorithm", isString);
  const key = {
    kid: member("kid", isNonEmptyString),
    publicKey: member("public_key", isString),
    notBefore: optionalSeconds(member("not_before", nullable(isSeconds))),
    notAfter: optionalSeconds(member("not_after", nullable(isSeconds))),
  };
  return isAlgorithm(algorithm) ? [{ ...key, algorithm }] : [];
}
