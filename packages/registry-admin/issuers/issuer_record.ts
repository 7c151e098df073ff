import { type IssuerRecord, JwtVerificationError, parseIssuerRow } from "@countersign/verifier";
import { RegistryError } from "../errors.ts";
import { findRow } from "../store/registry_store.ts";
import { withRegistry } from "../store/with_registry.ts";
import type { RegistryTarget } from "../target.ts";

/**
 * Reads an issuer as a verifier sees it: with the roles that are safe at the moment, and the active keys.
 *
 * **Does not** cache. A verifier should use a key source; this is for diagnosis.
 *
 * @returns The record, or `undefined` for a name that is not registered.
 * @throws {RegistryError} `not_authorized`, `schema_missing`, `unreachable`.
 *
 * @see {@linkcode getPolicy} for the policy as it was registered
 */
export async function getIssuerRecord(
  target: RegistryTarget,
  issuer: string,
): Promise<IssuerRecord | undefined> {
  return await withRegistry(target, async (registry) => {
    const row = await findRow(registry, "jwt_issuer_policies", "issuer", issuer);
    try {
      return row === undefined ? undefined : parseIssuerRow(row);
    } catch (error) {
      if (!(error instanceof JwtVerificationError)) throw error;
      throw new RegistryError("schema_missing", `${error.message}; apply the migrations again`);
    }
  });
}
