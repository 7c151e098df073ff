import { RegistryError } from "../errors.ts";
import { withRegistry } from "../store/with_registry.ts";
import type { RegistryTarget } from "../target.ts";

/**
 * Deactivates a rule: it matches no token. {@linkcode activateRule} restores it.
 *
 * With the guard on, nothing that it let in commits after this returns.
 *
 * @param name The rule's name.
 * @throws {RegistryError} `rule_not_found` (a wrong name never succeeds), `conflict` (a request holds it up), `not_authorized`,
 * `schema_missing`, `unreachable`.
 *
 * @example Shut a rule's tokens out
 * ```ts
 * import { deactivateRule } from "@countersign/registry-admin";
 * import { startLocalTarget } from "@countersign/local-target";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({ function: false });
 * const project = { supabaseUrl: target.url, serviceRoleKey: target.secretKey };
 *
 * await assert.rejects(deactivateRule(project, "deploy"), { code: "rule_not_found" });
 * ```
 */
export async function deactivateRule(target: RegistryTarget, name: string): Promise<void> {
  await setActive(target, name, false);
}

/**
 * Reactivates a rule.
 *
 * @param name The rule's name.
 * @throws {RegistryError} `rule_not_found`, `invalid_argument` (it names no owner at a provider that the world shares),
 * `not_authorized`, `schema_missing`, `unreachable`.
 *
 * @see {@linkcode deactivateRule} for an example
 */
export async function activateRule(target: RegistryTarget, name: string): Promise<void> {
  await setActive(target, name, true);
}

async function setActive(target: RegistryTarget, name: string, isActive: boolean): Promise<void> {
  await withRegistry(target, async (registry) => {
    const rows = await registry.update("jwt_federation_rules", { is_active: isActive }, [
      ["name", "eq", name],
    ]);
    if (rows.length === 0) {
      throw new RegistryError(
        "rule_not_found",
        `Expected a rule that is registered on "${registry.host}", found no "${name}"; see listRules`,
      );
    }
  });
}
