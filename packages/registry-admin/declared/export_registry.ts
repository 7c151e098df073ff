import { withRegistry } from "../store/with_registry.ts";
import type { RegistryTarget } from "../target.ts";
import { toDocument, toToml } from "./file/write_declaration.ts";
import { readState } from "./plan/registry_state.ts";

/** A registry, written down. */
export interface ExportedRegistry {
  /** The text of a `countersign.toml`. */
  readonly toml: string;
  /** The same as JSON, as the published JSON Schema describes it. */
  readonly document: Readonly<Record<string, unknown>>;
  /** The version of the registry that it shows. */
  readonly version: string;
}

/**
 * Writes a registry down as a file: every issuer with its policy, every key, provider and rule, those that are not active included.
 *
 * A plan of the file against the same registry is empty. The same registry always gives the same text. Times have
 * milliseconds.
 *
 * **Does not** contain anything secret, nor which function the guard calls after its own check, nor which keys of providers
 * are revoked.
 *
 * @throws {RegistryError} `not_authorized`, `schema_missing`, `unreachable`, `conflict` (it never stood still).
 *
 * @example Begin to keep a registry in a file
 * ```ts
 * import { exportRegistry, planDeclaration, readDeclaration, registerPublicKey } from "@countersign/registry-admin";
 * import { startLocalTarget } from "@countersign/local-target";
 * import { generateIssuerKeyPair } from "@countersign/signer";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({ function: false });
 * const { databaseUrl } = target;
 * const { publicKey } = await generateIssuerKeyPair();
 * await registerPublicKey({ databaseUrl, issuer: "billing", publicKey, subjects: ["job-*"] });
 *
 * const { toml } = await exportRegistry({ databaseUrl });
 * assert.match(toml, /\[issuers\."billing"\]\nallowed_subjects = \["job-\*"\]\n/);
 *
 * const plan = await planDeclaration({ databaseUrl }, await readDeclaration(toml));
 * assert.deepEqual(plan.changes, []);
 * ```
 */
export async function exportRegistry(target: RegistryTarget): Promise<ExportedRegistry> {
  return await withRegistry(target, async (store) => {
    const state = await readState(store);
    return { toml: toToml(state), document: toDocument(state), version: state.version };
  });
}
