import { RegistryError } from "../errors.ts";
import { findRow } from "../store/registry_store.ts";
import { flag, type PublicKeyRow, publicKeyRow, text } from "../store/rows.ts";
import { withRegistry } from "../store/with_registry.ts";
import type { RegistryTarget } from "../target.ts";

/**
 * Revokes one key. Tokens that it signed are rejected; the issuer's other keys keep working.
 *
 * @param kid The key's id, base64url(SHA-256(SPKI DER)), whole.
 * @throws {RegistryError} `key_not_found`, `not_authorized`, `schema_missing`, `unreachable`.
 *
 * @example Revoke a key, and reactivate it
 * ```ts
 * import { activateKey, registerPublicKey, revokeKey } from "@countersign/registry-admin";
 * import { startLocalTarget } from "@countersign/local-target";
 * import { generateIssuerKeyPair } from "@countersign/signer";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({ function: false });
 * const { publicKey, kid } = await generateIssuerKeyPair();
 * const project = { supabaseUrl: target.url, serviceRoleKey: target.secretKey };
 * await registerPublicKey({ ...project, issuer: "billing", publicKey });
 *
 * assert.equal((await revokeKey(project, kid)).is_active, false);
 * assert.equal((await activateKey(project, kid)).is_active, true);
 * ```
 */
export async function revokeKey(target: RegistryTarget, kid: string): Promise<PublicKeyRow> {
  return await setActive(target, kid, false);
}

/**
 * Reactivates a revoked key. Nothing else does.
 *
 * @param kid The key's id, whole.
 * @throws {RegistryError} `key_not_found`, `not_authorized`, `schema_missing`, `unreachable`.
 *
 * @see {@linkcode revokeKey} for an example
 */
export async function activateKey(target: RegistryTarget, kid: string): Promise<PublicKeyRow> {
  return await setActive(target, kid, true);
}

async function setActive(
  target: RegistryTarget,
  kid: string,
  isActive: boolean,
): Promise<PublicKeyRow> {
  return await withRegistry(target, async (registry) => {
    const [key] = await registry.update("jwt_public_keys", { is_active: isActive }, [
      ["kid", "eq", kid],
    ]);
    if (key === undefined) {
      throw new RegistryError(
        "key_not_found",
        `Expected a key that is registered on "${registry.host}", found no "${kid}"; see listPublicKeys`,
      );
    }
    const issuer = await findRow(registry, "jwt_issuers", "issuer", text(key, "issuer"));
    return publicKeyRow(key, issuer !== undefined && flag(issuer, "is_active"));
  });
}
