import { ALGORITHMS } from "@countersign/verifier";
import { type DeclarationProblem, RegistryError } from "../errors.ts";
import { checkedKey } from "../keys/checked_key.ts";
import type { RegistryStore } from "../store/registry_store.ts";
import { withRegistry } from "../store/with_registry.ts";
import type { RegistryTarget } from "../target.ts";
import { invalidDeclaration } from "./file/problems.ts";
import type { Declaration } from "./file/read_declaration.ts";
import { difference } from "./plan/difference.ts";
import { readState, type RegistryState } from "./plan/registry_state.ts";
import type { PlannedChange, RegistryPlan } from "./plan/registry_plan.ts";

/** How a file is compared with a registry. */
export interface PlanOptions {
  /** Whether what is active and not in the file is deactivated. Default: `false`. */
  readonly prune?: boolean;
}

/**
 * Says what would have to change for a registry to be as a file says, and changes nothing.
 *
 * Each change says why it loosens the registry, if it does: if a token that is refused today may be accepted afterwards.
 *
 * **Does not** ask the database whether it would take the changes: a role that is not safe is refused when they are applied.
 *
 * @throws {RegistryError} `invalid_declaration` (a new key that is not good, or is another issuer's), `not_authorized`, `schema_missing`, `unreachable`, `conflict` (the registry never stood still).
 *
 * @see {@linkcode applyDeclaration} for an example
 */
export async function planDeclaration(
  target: RegistryTarget,
  declaration: Declaration,
  options: PlanOptions = {},
): Promise<RegistryPlan> {
  return await withRegistry(target, (store) => planIn(store, declaration, options));
}

/** The same, in a transaction that others share. */
export async function planIn(
  store: RegistryStore,
  declaration: Declaration,
  { prune = false }: PlanOptions,
): Promise<RegistryPlan> {
  const state = await readState(store);
  await refuseWrongKeys(declaration, state);
  refuseMovedRules(declaration, state);
  const { changes, undeclared } = difference(declaration, state, prune);
  const guard = guardChange(declaration.guard, state.guard);
  return { version: state.version, changes: [...changes, ...guard], undeclared };
}

/** Keys that are new are checked by the code that will verify with them; the others have their row. */
async function refuseWrongKeys(declaration: Declaration, state: RegistryState): Promise<void> {
  const problems: DeclarationProblem[] = [];
  for (const { key, issuer, identity, values, position } of declaration.entries.keys.values()) {
    const registered = state.entries.keys.get(key);
    try {
      if (registered === undefined) {
        const algorithm = ALGORITHMS.find((name) => name === values.algorithm);
        await checkedKey(identity.public_key ?? "", algorithm);
      } else if (registered.issuer !== issuer) {
        throw new RegistryError(
          "key_belongs_to_another_issuer",
          "Expected a separate key for each issuer; this one is registered for another",
        );
      }
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      problems.push({ ...position(), message: error.message });
    }
  }
  if (problems.length > 0) throw invalidDeclaration(problems);
}

/** A downstream token names the rule that let it in, so what a rule's name stands for is for good. */
function refuseMovedRules(declaration: Declaration, state: RegistryState): void {
  const problems: DeclarationProblem[] = [];
  for (const { key, identity, position } of declaration.entries.rules.values()) {
    const registered = state.entries.rules.get(key)?.identity ?? identity;
    for (const column of ["provider", "issuer"]) {
      if (registered[column] === identity[column]) continue;
      const message =
        `Expected the rule to keep its ${column}; declare another rule, and deactivate this one`;
      problems.push({ ...position(), message });
    }
  }
  if (problems.length > 0) throw invalidDeclaration(problems);
}

function guardChange(after: boolean | null, before: boolean): PlannedChange[] {
  if (after === null || before === after) return [];
  return [{
    action: after ? "change" : "deactivate",
    kind: "guard",
    issuer: null,
    kid: null,
    name: null,
    fields: [{ column: "enabled", before, after }],
    loosens: after ? [] : ["lets what has been revoked commit until every proxy has seen it"],
    row: null,
  }];
}
