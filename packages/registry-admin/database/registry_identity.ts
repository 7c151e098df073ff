import { databaseIdentity } from "@countersign/postgres";
import type { RegistryIdentity } from "@countersign/verifier";
import { RegistryError } from "../errors.ts";
import { withConnection } from "../store/connection.ts";
import type { DatabaseTarget, SqlTarget } from "../target.ts";

/**
 * Reads which registry this is and at which version, as the proxy reports them at `/-/readyz`.
 *
 * @param target The database; this is not available over REST.
 * @returns What to compare.
 * @throws {RegistryError} `not_authorized`, `schema_missing`, `unreachable`.
 *
 * @example See that a registry has changed
 * ```ts
 * import { registerPublicKey, registryIdentity } from "@countersign/registry-admin";
 * import { startLocalTarget } from "@countersign/local-target";
 * import { generateIssuerKeyPair } from "@countersign/signer";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({ function: false });
 * const { databaseUrl } = target;
 *
 * const before = await registryIdentity({ databaseUrl });
 * await registerPublicKey({ databaseUrl, issuer: "billing", ...await generateIssuerKeyPair() });
 * const after = await registryIdentity({ databaseUrl });
 *
 * assert.equal(before.database, after.database);
 * assert.notEqual(before.version, after.version);
 * ```
 */
export async function registryIdentity(
  target: DatabaseTarget | SqlTarget,
): Promise<RegistryIdentity> {
  return await withConnection(target, async (sql, host) => {
    const query = (text: string) => sql.unsafe<Record<string, unknown>[]>(text);
    const database = await databaseIdentity({ query });
    const [row] = await query("select version from public.jwt_registry_version");
    if (typeof row?.version !== "string") {
      throw new RegistryError(
        "unreachable",
        `Expected the registry of "${host}" to have a version`,
      );
    }
    return { database, version: row.version };
  });
}
