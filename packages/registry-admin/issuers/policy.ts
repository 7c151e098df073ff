import { RegistryError } from "../errors.ts";
import { issuerNotFound } from "./issuer_not_found.ts";
import { type Columns, type ColumnValue, findRow, type Row } from "../store/registry_store.ts";
import { epochColumn } from "../store/epoch_column.ts";
import { flag, instant, nullable, number, text, texts } from "../store/rows.ts";
import { withRegistry } from "../store/with_registry.ts";
import type { RegistryTarget } from "../target.ts";

/** What an issuer's tokens may claim. Omitted fields stay unchanged. */
export interface PolicyFields {
  /** Roles that a token may claim. None: every token is refused. */
  readonly roles?: readonly string[];
  /** The role of a token that claims none; one of `roles`. */
  readonly defaultRole?: string | null;
  /** Exact subjects, or prefixes ending in `*`. `null`: any that is not a user id. */
  readonly subjects?: readonly string[] | null;
  /** Whether `sub` may look like a Supabase user id, which lets the issuer act for users. */
  readonly allowUserSubjects?: boolean;
  /** Names of extra claims. `null`: any that is not protected. */
  readonly claims?: readonly string[] | null;
  /** Audiences of which a token has to name one. `null`: the target's own. */
  readonly audiences?: readonly string[] | null;
  /** The longest time from `iat` to `exp`, in seconds. */
  readonly maxTokenLifetime?: number;
  /** The longest life of a token that this issuer's are exchanged for, in seconds: 60 to 900. `null`: none is. Needs the guard. */
  readonly maxExchangeLifetime?: number | null;
  /** Tokens issued before this second since the epoch are refused. */
  readonly rejectIssuedBefore?: number | null;
  /** Whether a token may be used for one write only. Needs the guard. */
  readonly singleUse?: boolean;
  /** `observe` reports what the policy would refuse, and lets it through where that is safe. */
  readonly mode?: "enforce" | "observe";
  /** A note for people. */
  readonly description?: string | null;
}

/** A registered policy: every field, and the roles that the database refuses at the moment. */
export interface RegisteredPolicy extends Required<PolicyFields> {
  /** Roles in `roles` that are no longer safe, or no longer there. No token can claim them. */
  readonly refusedRoles: readonly string[];
}

/** The columns for the fields that were given, and for no others. */
export function policyColumns(fields: PolicyFields): Columns {
  const { maxTokenLifetime, maxExchangeLifetime, rejectIssuedBefore } = fields;
  const given: Record<string, ColumnValue | undefined> = {
    allowed_roles: fields.roles,
    default_role: fields.defaultRole,
    allowed_subjects: fields.subjects,
    allow_user_subjects: fields.allowUserSubjects,
    allowed_claims: fields.claims,
    audiences: fields.audiences,
    max_token_lifetime: lifetimeColumn("maxTokenLifetime", maxTokenLifetime),
    max_exchange_lifetime: lifetimeColumn("maxExchangeLifetime", maxExchangeLifetime),
    reject_issued_before: epochColumn("rejectIssuedBefore", rejectIssuedBefore),
    single_use: fields.singleUse,
    mode: fields.mode,
    description: fields.description,
  };
  const columns: Record<string, ColumnValue> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) columns[name] = value;
  }
  return columns;
}

function lifetimeColumn<Absent extends null | undefined>(
  name: string,
  seconds: number | Absent,
): string | Absent {
  if (seconds === undefined || seconds === null) return seconds;
  if (Number.isInteger(seconds) && seconds > 0) return `${seconds} seconds`;
  throw new RegistryError(
    "invalid_argument",
    `Expected ${name} to be a positive, whole number of seconds`,
  );
}

/**
 * Reads a policy from the two places that know it: the issuer's row, and the view that the proxy reads, which leaves
 * out roles that are not safe now and has the lifetime in seconds whatever the session's `IntervalStyle`.
 */
export function registeredPolicy(issuer: Row, view: Row): RegisteredPolicy {
  const roles = texts(issuer, "allowed_roles");
  const safe = texts(view, "allowed_roles");
  const cutoff = nullable(issuer, "reject_issued_before", instant);
  return {
    roles,
    refusedRoles: roles.filter((role) => !safe.includes(role)),
    defaultRole: nullable(issuer, "default_role", text),
    subjects: nullable(issuer, "allowed_subjects", texts),
    allowUserSubjects: flag(issuer, "allow_user_subjects"),
    claims: nullable(issuer, "allowed_claims", texts),
    audiences: nullable(issuer, "audiences", texts),
    maxTokenLifetime: number(view, "max_token_lifetime"),
    maxExchangeLifetime: nullable(view, "max_exchange_lifetime", number),
    rejectIssuedBefore: cutoff === null ? null : Math.ceil(Date.parse(cutoff) / 1000),
    singleUse: flag(issuer, "single_use"),
    mode: text(issuer, "mode") === "observe" ? "observe" : "enforce",
    description: nullable(issuer, "description", text),
  };
}

/**
 * Reads an issuer's policy.
 *
 * @throws {RegistryError} `issuer_not_found`, and what every operation throws: `not_authorized`, `schema_missing`,
 * `unreachable`.
 *
 * @see {@linkcode setPolicy} for an example
 */
export async function getPolicy(target: RegistryTarget, issuer: string): Promise<RegisteredPolicy> {
  return await withRegistry(target, async (registry) => {
    const row = await findRow(registry, "jwt_issuers", "issuer", issuer);
    const view = await findRow(registry, "jwt_issuer_policies", "issuer", issuer);
    if (row === undefined || view === undefined) throw issuerNotFound(issuer, registry);
    return registeredPolicy(row, view);
  });
}

/**
 * Sets the given fields of an issuer's policy. The others stay unchanged.
 *
 * The database itself refuses a role that could bypass Row Level Security.
 *
 * @example Narrow a policy
 * ```ts
 * import { getPolicy, registerPublicKey, setPolicy } from "@countersign/registry-admin";
 * import { startLocalTarget } from "@countersign/local-target";
 * import { generateIssuerKeyPair } from "@countersign/signer";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({ function: false });
 * const { publicKey } = await generateIssuerKeyPair();
 * const project = { supabaseUrl: target.url, serviceRoleKey: target.secretKey };
 * await registerPublicKey({ ...project, issuer: "billing", publicKey });
 *
 * await setPolicy(project, "billing", { subjects: ["job-*"], maxTokenLifetime: 60 });
 * assert.deepEqual((await getPolicy(project, "billing")).subjects, ["job-*"]);
 * ```
 */
export async function setPolicy(
  target: RegistryTarget,
  issuer: string,
  fields: PolicyFields,
): Promise<void> {
  const columns = policyColumns(fields);
  if (Object.keys(columns).length === 0) {
    throw new RegistryError("invalid_argument", "Expected at least one field of the policy to set");
  }
  await withRegistry(target, async (registry) => {
    const rows = await registry.update("jwt_issuers", columns, [["issuer", "eq", issuer]]);
    if (rows.length === 0) throw issuerNotFound(issuer, registry);
  });
}
