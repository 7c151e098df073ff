import { RegistryError } from "../errors.ts";
import type { RegistryStore } from "../store/registry_store.ts";
import { withRegistry } from "../store/with_registry.ts";
import type { RegistryTarget } from "../target.ts";
import type { Declaration } from "./file/read_declaration.ts";
import { readState, revisionOf } from "./plan/registry_state.ts";
import type { RegistryPlan } from "./plan/registry_plan.ts";
import { planIn, type PlanOptions } from "./plan_declaration.ts";

/** How a file is applied. */
export interface ApplyOptions extends PlanOptions {
  /** Whether changes may let in tokens that are refused today. Default: `false`. */
  readonly allowLoosening?: boolean;
  /** The version of the plan that somebody has looked at. Default: whatever the registry is at. */
  readonly expectedVersion?: string;
}

/** What was applied. */
export interface AppliedPlan {
  /** What was changed. */
  readonly plan: RegistryPlan;
  /** The registry's version afterwards. */
  readonly version: string;
}

/**
 * Makes a registry what a file says: all of it, or nothing.
 *
 * The registry is compared and changed in one transaction, over REST by one function of the database, and only if nothing else has
 * changed it meanwhile. Nothing is ever deleted. What the file does not name stays as it is, unless `prune` is given.
 *
 * @throws {RegistryError} `loosening_refused`, `conflict` (the registry is not at the expected version, or changed meanwhile),
 * `invalid_declaration`, `role_not_allowed`, `invalid_argument` (the guard over REST, among others), `not_authorized`, `schema_missing`, `unreachable`.
 *
 * @example Look at a plan, then apply what was looked at
 * ```ts
 * import { applyDeclaration, planDeclaration, readDeclaration } from "@countersign/registry-admin";
 * import { startLocalTarget } from "@countersign/local-target";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({
 *   function: false,
 *   sql: ["select countersign.create_writer_role('invoices_writer')"],
 * });
 * const { databaseUrl } = target;
 * const file = await readDeclaration('[issuers.billing]\nallowed_roles = ["invoices_writer"]');
 *
 * const plan = await planDeclaration({ databaseUrl }, file);
 * assert.deepEqual(plan.changes[0]?.loosens, ['lets a new issuer use the role "invoices_writer"']);
 *
 * await applyDeclaration({ databaseUrl }, file, {
 *   allowLoosening: true,
 *   expectedVersion: plan.version,
 * });
 * assert.deepEqual((await planDeclaration({ databaseUrl }, file)).changes, []);
 * ```
 */
export async function applyDeclaration(
  target: RegistryTarget,
  declaration: Declaration,
  options: ApplyOptions = {},
): Promise<AppliedPlan> {
  return await withRegistry(target, async (store) => {
    const plan = await planIn(store, declaration, options);
    refuseIfMoved(plan, options);
    refuseLoosening(plan, options);
    if (plan.changes.length === 0) return { plan, version: plan.version };
    await write(store, plan);
    return { plan, version: (await readState(store)).version };
  });
}

function refuseIfMoved(
  { version }: RegistryPlan,
  { expectedVersion = version }: ApplyOptions,
): void {
  if (version !== expectedVersion) {
    throw new RegistryError(
      "conflict",
      `The registry has changed since the plan, or is another one: it is at version ${version}; plan again`,
    );
  }
}

/** @throws {RegistryError} `loosening_refused`, unless it is allowed or nothing loosens. */
export function refuseLoosening({ changes }: RegistryPlan, { allowLoosening }: ApplyOptions): void {
  const loosening = changes.filter(({ loosens }) => loosens.length > 0);
  const [first] = loosening;
  if (first === undefined || allowLoosening === true) return;
  const where = first.kind === "guard"
    ? "The guard"
    : first.issuer === null
    ? `Provider "${first.name}"`
    : `Issuer "${first.issuer}"`;
  const more = loosening.length === 1 ? "" : ` (and ${loosening.length - 1} more)`;
  throw new RegistryError(
    "loosening_refused",
    `${where}: the change ${first.loosens[0]}${more}; look at the plan, and allow it on purpose`,
  );
}

/** The guard last: it is in the same transaction, and cannot be set without one. */
async function write(store: RegistryStore, { version, changes }: RegistryPlan): Promise<void> {
  const guard = changes.find(({ kind }) => kind === "guard");
  if (guard !== undefined && store.setGuard === null) {
    throw new RegistryError(
      "invalid_argument",
      "Expected a database URL: over REST the guard can be read and not set. Connect to the database, or leave [guard] out of the file",
    );
  }
  const rows = changes.flatMap(({ row }) => row === null ? [] : [row]);
  if (rows.length > 0) await store.applyChanges(rows, revisionOf(version));
  if (guard !== undefined) await store.setGuard?.(guard.action === "change");
}
