import { JwtVerificationError, parseProviderRow, type ProviderRecord } from "@countersign/verifier";
import { RegistryError } from "../errors.ts";
import { findRow } from "../store/registry_store.ts";
import { withRegistry } from "../store/with_registry.ts";
import type { RegistryTarget } from "../target.ts";

/**
 * Reads an OIDC provider as a verifier sees it: with all its rules, and the keys of it that are revoked.
 *
 * **Does not** cache, nor fetch the provider's keys. A verifier should use a key source; this is for diagnosis.
 *
 * @param target Where the registry is.
 * @param provider The exact `iss` of its tokens.
 * @returns The record, or `undefined` for a name that is not registered.
 * @throws {RegistryError} `not_authorized`, `schema_missing`, `unreachable`.
 *
 * @see {@linkcode listProviders} for providers as they were registered
 */
export async function getProviderRecord(
  target: RegistryTarget,
  provider: string,
): Promise<ProviderRecord | undefined> {
  return await withRegistry(target, async (registry) => {
    const row = await findRow(registry, "jwt_federation_policies", "provider", provider);
    try {
      return row === undefined ? undefined : parseProviderRow(row);
    } catch (error) {
      if (!(error instanceof JwtVerificationError)) throw error;
      throw new RegistryError("schema_missing", `${error.message}; apply the migrations again`);
    }
  });
}
