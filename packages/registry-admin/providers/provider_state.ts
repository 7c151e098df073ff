import { RegistryError } from "../errors.ts";
import { findRow } from "../store/registry_store.ts";
import { providerNotFound } from "./provider_not_found.ts";
import { withRegistry } from "../store/with_registry.ts";
import type { RegistryTarget } from "../target.ts";

/**
 * Deactivates an OIDC provider: every one of its tokens is rejected, whatever its rules. {@linkcode activateProvider} restores it.
 *
 * With the guard on, nothing that it let in commits after this returns.
 *
 * @param issuer The exact `iss` of its tokens.
 * @throws {RegistryError} `provider_not_found` (a wrong name never succeeds), `conflict` (a request holds it up), `not_authorized`,
 * `schema_missing`, `unreachable`.
 *
 * @see {@linkcode addProvider} for an example
 */
export async function deactivateProvider(target: RegistryTarget, issuer: string): Promise<void> {
  await setActive(target, issuer, false);
}

/**
 * Reactivates an OIDC provider, with the rules that it had.
 *
 * **Does not** accept keys again that were revoked ({@linkcode restoreProviderKey} does).
 *
 * @param issuer The exact `iss` of its tokens.
 * @throws {RegistryError} `provider_not_found`, `not_authorized`, `schema_missing`, `unreachable`.
 *
 * @see {@linkcode addProvider} for an example
 */
export async function activateProvider(target: RegistryTarget, issuer: string): Promise<void> {
  await setActive(target, issuer, true);
}

async function setActive(target: RegistryTarget, issuer: string, isActive: boolean): Promise<void> {
  await withRegistry(target, async (registry) => {
    const rows = await registry.update("jwt_oidc_providers", { is_active: isActive }, [
      ["issuer", "eq", issuer],
    ]);
    if (rows.length === 0) throw providerNotFound(issuer, registry);
  });
}

/** A key of a provider, and why it is revoked. */
export interface ProviderKeyRevocation {
  /** The provider's `iss`. */
  readonly provider: string;
  /** The key's thumbprint (RFC 7638, SHA-256, base64url), which the mark and the logs have. Not the `kid` of its JWKS. */
  readonly kid: string;
  /** A note for people. */
  readonly description?: string;
}

/**
 * Revokes a key of a provider here, whatever the provider says of it. Revoking it again changes nothing.
 *
 * @throws {RegistryError} `provider_not_found`, `invalid_argument`, `conflict` (a request holds it up), `not_authorized`,
 * `schema_missing`, `unreachable`.
 *
 * @example Revoke a key of a provider, and take that back
 * ```ts
 * import { addProvider, listProviders, restoreProviderKey, revokeProviderKey } from "@countersign/registry-admin";
 * import { startLocalTarget } from "@countersign/local-target";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({ function: false });
 * const project = { supabaseUrl: target.url, serviceRoleKey: target.secretKey };
 * const provider = "https://gitlab.com";
 * await addProvider(project, { issuer: provider });
 *
 * const kid = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
 * await revokeProviderKey(project, { provider, kid });
 * assert.deepEqual((await listProviders(project))[0]?.revokedKids, [kid]);
 *
 * await restoreProviderKey(project, { provider, kid });
 * assert.deepEqual((await listProviders(project))[0]?.revokedKids, []);
 * ```
 */
export async function revokeProviderKey(
  target: RegistryTarget,
  { provider, kid, description }: ProviderKeyRevocation,
): Promise<void> {
  await withRegistry(target, async (registry) => {
    const columns = { provider, kid, ...(description === undefined ? {} : { description }) };
    await registry.insert("jwt_revoked_provider_keys", columns, "provider,kid");
  });
}

/**
 * Accepts a key of a provider again.
 *
 * @throws {RegistryError} `key_not_found` (it is not revoked), `provider_not_found`, `not_authorized`, `schema_missing`,
 * `unreachable`.
 *
 * @see {@linkcode revokeProviderKey} for an example
 */
export async function restoreProviderKey(
  target: RegistryTarget,
  { provider, kid }: Omit<ProviderKeyRevocation, "description">,
): Promise<void> {
  await withRegistry(target, async (registry) => {
    if (await findRow(registry, "jwt_oidc_providers", "issuer", provider) === undefined) {
      throw providerNotFound(provider, registry);
    }
    const rows = await registry.remove("jwt_revoked_provider_keys", [
      ["provider", "eq", provider],
      ["kid", "eq", kid],
    ]);
    if (rows.length === 0) {
      throw new RegistryError("key_not_found", `Expected a revoked key of "${provider}"`);
    }
  });
}
