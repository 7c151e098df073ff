import type { Condition, ConditionScalar } from "@countersign/verifier";
import { RegistryError } from "../errors.ts";
import { issuerNotFound } from "../issuers/issuer_not_found.ts";
import { policyColumns, type PolicyFields } from "../issuers/policy.ts";
import { providerNotFound } from "../providers/provider_not_found.ts";
import {
  type Columns,
  type ColumnValue,
  findRow,
  type RegistryStore,
  type Row,
} from "../store/registry_store.ts";
import { flag, instant, nullable, number, object, text, texts } from "../store/rows.ts";
import { withRegistry } from "../store/with_registry.ts";
import type { RegistryTarget } from "../target.ts";

/** A rule that is to be added: which tokens of a provider act as which issuer. */
export interface RuleRegistration {
  /** Up to 100 of `a-z A-Z 0-9 . _ -`. It goes downstream, and a caller may name it in `Countersign-Rule`. */
  readonly name: string;
  /** The provider's `iss`. */
  readonly provider: string;
  /** The issuer whose policy applies, and whose name goes downstream as `iss`. */
  readonly issuer: string;
  /** Audiences of which a token has to name one. At least one. */
  readonly audiences: readonly string[];
  /**
   * By claim, what it has to be. All have to hold, and there is at least one. A claim inside others is a JSON Pointer:
   * `/kubernetes.io/namespace`.
   */
  readonly conditions: Readonly<Record<string, Condition>>;
  /** The template of `sub`, such as `gh:{repository_id}:{environment}`. */
  readonly subject: string;
  /** Further claims: downstream name, and the claim that it is taken from. Default: none. */
  readonly claims?: Readonly<Record<string, string>>;
  /** The role to act in, one of the issuer's. Default: `null`, the issuer's default. */
  readonly role?: string | null;
  /** The longest time from `iat` to `exp` of the provider's token, in seconds. Default: 3600. */
  readonly maxTokenLifetime?: number;
  /** `observe`: the rule is tried and reported, and lets nobody in. Default: `enforce`. */
  readonly mode?: "enforce" | "observe";
  /** A note for people. */
  readonly description?: string | null;
}

/** A rule as the registry has it. */
export interface RegisteredRule extends Required<RuleRegistration> {
  /** `false`: it matches nothing. */
  readonly isActive: boolean;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** ISO 8601, UTC. */
  readonly updatedAt: string;
}

/** What is added with a rule. */
export interface AddRuleOptions {
  /** Registers the rule's issuer as well, without a key and with this policy. Default: it is registered. */
  readonly newIssuer?: PolicyFields;
}

/**
 * Adds a rule, by which tokens of a provider act as an issuer.
 *
 * The database refuses a rule for a provider that the world shares (GitHub, gitlab.com, …) unless a condition names an
 * owner there.
 *
 * **Does not** add the provider, nor the issuer unless it is told to.
 *
 * @param target Where the registry is.
 * @param rule The rule.
 * @param options.newIssuer Registers the rule's issuer as well, without a key and with this policy. Default: it is registered.
 * @throws {RegistryError} `provider_not_found`, `issuer_not_found`, `conflict` (a name is taken), `role_not_allowed`,
 * `invalid_argument`, `not_authorized`, `schema_missing`, `unreachable`.
 *
 * @example Let the jobs of one repository write, without a key
 * ```ts
 * import { addProvider, addRule, listRules, registerPublicKey } from "@countersign/registry-admin";
 * import { startLocalTarget } from "@countersign/local-target";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({
 *   function: false,
 *   sql: ["select countersign.create_writer_role('invoices_writer')"],
 * });
 * const project = { supabaseUrl: target.url, serviceRoleKey: target.secretKey };
 * const provider = "https://token.actions.githubusercontent.com";
 * await addProvider(project, { issuer: provider });
 *
 * await addRule(project, {
 *   name: "deploy",
 *   provider,
 *   issuer: "deployer",
 *   audiences: ["https://prod-abc123.supabase.co"],
 *   conditions: { repository_id: "74", repository_owner_id: "65", ref: "refs/heads/main" },
 *   subject: "gh:{repository_id}:{ref}",
 * }, { newIssuer: { roles: ["invoices_writer"], defaultRole: "invoices_writer" } });
 * assert.deepEqual((await listRules(project)).map(({ name }) => name), ["deploy"]);
 * ```
 */
export async function addRule(
  target: RegistryTarget,
  rule: RuleRegistration,
  { newIssuer }: AddRuleOptions = {},
): Promise<RegisteredRule> {
  return await withRegistry(target, async (registry) => {
    const { provider, issuer } = rule;
    if (await findRow(registry, "jwt_oidc_providers", "issuer", provider) === undefined) {
      throw providerNotFound(provider, registry);
    }
    if (newIssuer !== undefined) {
      await addIssuer(registry, issuer, newIssuer);
    } else if (await findRow(registry, "jwt_issuers", "issuer", issuer) === undefined) {
      throw issuerNotFound(issuer, registry);
    }
    const [row] = await registry.insert("jwt_federation_rules", ruleColumns(rule), "name");
    if (row === undefined) {
      throw new RegistryError(
        "conflict",
        `Expected a rule that is not registered on "${registry.host}"; "${rule.name}" is`,
      );
    }
    return registeredRule(row, await lifetimes(registry));
  });
}

/** Without a key and without a rule an issuer lets no one in, so it comes first. */
async function addIssuer(
  registry: RegistryStore,
  issuer: string,
  policy: PolicyFields,
): Promise<void> {
  const columns = { issuer, ...policyColumns(policy) };
  const rows = await registry.insert("jwt_issuers", columns, "issuer");
  if (rows.length > 0) return;
  throw new RegistryError(
    "conflict",
    `Expected an issuer that is not registered on "${registry.host}"; "${issuer}" is`,
  );
}

/**
 * Lists the rules by name, deactivated ones included.
 *
 * @throws {RegistryError} `not_authorized`, `schema_missing`, `unreachable`.
 *
 * @see {@linkcode addRule} for an example
 */
export async function listRules(target: RegistryTarget): Promise<RegisteredRule[]> {
  return await withRegistry(target, async (registry) => {
    const rows = await registry.select("jwt_federation_rules", { order: ["name"] });
    const seconds = await lifetimes(registry);
    return rows.filter(({ name }) => seconds.has(name))
      .map((row) => registeredRule(row, seconds))
      .sort((a, b) => a.name < b.name ? -1 : 1);
  });
}

/** The database's. */
const DEFAULT_LIFETIME_S = 3600;

function ruleColumns(rule: RuleRegistration): Columns {
  const { maxTokenLifetime } = rule;
  if (
    maxTokenLifetime !== undefined && !(Number.isInteger(maxTokenLifetime) && maxTokenLifetime > 0)
  ) {
    throw new RegistryError(
      "invalid_argument",
      "Expected maxTokenLifetime to be a positive, whole number of seconds",
    );
  }
  const given: Record<string, ColumnValue | undefined> = {
    name: rule.name,
    provider: rule.provider,
    issuer: rule.issuer,
    audiences: rule.audiences,
    conditions: rule.conditions,
    subject: rule.subject,
    claims: rule.claims,
    role: rule.role,
    max_token_lifetime: maxTokenLifetime === undefined ? undefined : `${maxTokenLifetime} seconds`,
    mode: rule.mode,
    description: rule.description,
  };
  const columns: Record<string, ColumnValue> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) columns[name] = value;
  }
  return columns;
}

/** By rule, seconds: an interval is written as the session's `IntervalStyle` has it, and the view has seconds. */
async function lifetimes(registry: RegistryStore): Promise<ReadonlyMap<unknown, number>> {
  const providers = await registry.select("jwt_federation_policies", { order: ["provider"] });
  const rules = providers.flatMap((row): Row[] => Array.isArray(row.rules) ? row.rules : []);
  return new Map(rules.map((rule) => [rule.name, number(rule, "max_token_lifetime")]));
}

function registeredRule(row: Row, seconds: ReadonlyMap<unknown, number>): RegisteredRule {
  const name = text(row, "name");
  return {
    name,
    provider: text(row, "provider"),
    issuer: text(row, "issuer"),
    isActive: flag(row, "is_active"),
    audiences: texts(row, "audiences"),
    conditions: conditionsIn(row),
    subject: text(row, "subject"),
    claims: Object.fromEntries(
      Object.entries(object(row, "claims")).map(([name, path]) => [name, String(path)]),
    ),
    role: nullable(row, "role", text),
    maxTokenLifetime: seconds.get(name) ?? DEFAULT_LIFETIME_S,
    mode: text(row, "mode") === "observe" ? "observe" : "enforce",
    description: nullable(row, "description", text),
    createdAt: instant(row, "created_at"),
    updatedAt: instant(row, "updated_at"),
  };
}

function conditionsIn(row: Row): Readonly<Record<string, Condition>> {
  const conditions: Record<string, Condition> = {};
  for (const [claim, wanted] of Object.entries(object(row, "conditions"))) {
    if (isScalar(wanted) || (Array.isArray(wanted) && wanted.every(isScalar))) {
      conditions[claim] = wanted;
    }
  }
  return conditions;
}

function isScalar(value: unknown): value is ConditionScalar {
  return ["string", "number", "boolean"].includes(typeof value);
}
