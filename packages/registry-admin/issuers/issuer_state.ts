import { issuerNotFound } from "./issuer_not_found.ts";
import { withRegistry } from "../store/with_registry.ts";
import type { RegistryTarget } from "../target.ts";

/**
 * Deactivates an issuer: every one of its tokens is rejected, whichever key signed it.
 *
 * Its keys and its policy stay unchanged, so {@linkcode activateIssuer} restores exactly what was there, and a revoked key
 * stays revoked. Meanwhile {@linkcode listPublicKeys} shows all its keys as inactive.
 *
 * **Does not** stop a request that the proxy has already forwarded; the guard does.
 *
 * @throws {RegistryError} `issuer_not_found` (a wrong name never succeeds), `not_authorized`, `schema_missing`,
 * `unreachable`.
 *
 * @example Shut an issuer out, and let it in again
 * ```ts
 * import { activateIssuer, deactivateIssuer, listPublicKeys, registerPublicKey } from "@countersign/registry-admin";
 * import { startLocalTarget } from "@countersign/local-target";
 * import { generateIssuerKeyPair } from "@countersign/signer";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({ function: false });
 * const { publicKey } = await generateIssuerKeyPair();
 * const project = { supabaseUrl: target.url, serviceRoleKey: target.secretKey };
 * await registerPublicKey({ ...project, issuer: "billing", publicKey });
 *
 * await deactivateIssuer(project, "billing");
 * assert.deepEqual((await listPublicKeys(project)).map((key) => key.is_active), [false]);
 *
 * await activateIssuer(project, "billing");
 * assert.deepEqual((await listPublicKeys(project)).map((key) => key.is_active), [true]);
 * ```
 */
export function deactivateIssuer(target: RegistryTarget, issuer: string): Promise<void>;
/** The same, with the target as two arguments. */
export function deactivateIssuer(
  supabaseUrl: string,
  serviceRoleKey: string,
  issuer: string,
): Promise<void>;
export async function deactivateIssuer(
  ...args: [RegistryTarget, string] | [string, string, string]
): Promise<void> {
  if (args.length === 3) {
    const [supabaseUrl, serviceRoleKey, issuer] = args;
    await setActive({ supabaseUrl, serviceRoleKey }, issuer, false);
  } else {
    await setActive(args[0], args[1], false);
  }
}

/**
 * Reactivates an issuer, with its previous policy and keys.
 *
 * **Does not** reactivate keys that were revoked individually ({@linkcode activateKey} does).
 *
 * @throws {RegistryError} `issuer_not_found`, `not_authorized`, `schema_missing`, `unreachable`.
 *
 * @see {@linkcode deactivateIssuer} for an example
 */
export async function activateIssuer(target: RegistryTarget, issuer: string): Promise<void> {
  await setActive(target, issuer, true);
}

async function setActive(
  target: RegistryTarget,
  issuer: string,
  isActive: boolean,
): Promise<void> {
  await withRegistry(target, async (registry) => {
    const rows = await registry.update("jwt_issuers", { is_active: isActive }, [
      ["issuer", "eq", issuer],
    ]);
    if (rows.length === 0) throw issuerNotFound(issuer, registry);
  });
}
