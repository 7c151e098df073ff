import { RegistryError } from "../errors.ts";
import type { RegistryStore } from "../store/registry_store.ts";

/** What every operation on a provider throws for a name that is not registered. */
export function providerNotFound(issuer: string, { host }: RegistryStore): RegistryError {
  return new RegistryError(
    "provider_not_found",
    `Expected an OIDC provider that is registered on "${host}", found no "${issuer}"; see listProviders`,
  );
}
