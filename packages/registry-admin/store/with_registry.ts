import type { RegistryTarget } from "../target.ts";
import { withConnection } from "./connection.ts";
import type { RegistryStore } from "./registry_store.ts";
import { RestStore } from "./rest_store.ts";
import { SqlStore } from "./sql_store.ts";

/**
 * Opens the registry, does the work, and closes what it opened.
 *
 * Over SQL the whole work is one transaction. PostgREST has one transaction per request, so over REST each
 * statement stands alone. Operations are ordered so that one that fails halfway has granted nothing that was
 * not asked for, and can be repeated.
 */
export async function withRegistry<T>(
  target: RegistryTarget,
  work: (registry: RegistryStore) => Promise<T>,
): Promise<T> {
  if ("supabaseUrl" in target) return await work(new RestStore(target));
  return await withConnection(
    target,
    (sql, host) => sql.begin((transaction) => work(new SqlStore(transaction, host))),
  ) as T;
}
