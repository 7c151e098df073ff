import { RegistryError } from "../errors.ts";
import type { RegistryStore } from "../store/registry_store.ts";

/** What every operation on an issuer throws for a name that is not registered. */
export function issuerNotFound(issuer: string, { host }: RegistryStore): RegistryError {
  return new RegistryError(
    "issuer_not_found",
    `Expected an issuer that is registered on "${host}", found no "${issuer}"; see listIssuers`,
  );
}
