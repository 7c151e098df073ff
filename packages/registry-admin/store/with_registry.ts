import { RegistryError } from "../errors.ts";
import type { ChangeOptions, RegistryTarget } from "../target.ts";
import { withConnection } from "./connection.ts";
import { DryRunStore } from "./dry_run_store.ts";
import { isHeldUp, withHolders } from "./registry_holders.ts";
import type { RegistryStore } from "./registry_store.ts";
import { RestStore } from "./rest_store.ts";
import { SqlStore } from "./sql_store.ts";

/** As many characters as the database keeps. */
const LONGEST_REASON = 500;

/**
 * Opens the registry, does the work, and closes what it opened.
 *
 * Over SQL the whole work is one transaction. PostgREST has one transaction per request, so over REST each
 * statement stands alone. Operations are ordered so that one that fails halfway has granted nothing that was
 * not asked for, and can be repeated.
 *
 * A change that another transaction holds up fails with a `RegistryError` that names the session.
 */
export async function withRegistry<T>(
  target: RegistryTarget,
  work: (registry: RegistryStore) => Promise<T>,
): Promise<T> {
  try {
    return await opened(target, work);
  } catch (error) {
    if (!isHeldUp(error)) throw error;
    // Not in the transaction of the change, which is aborted.
    throw await opened(target, (registry) => withHolders(error, registry)).catch(() => error);
  }
}

async function opened<T>(
  target: RegistryTarget,
  work: (registry: RegistryStore) => Promise<T>,
): Promise<T> {
  const { reason } = checkedReason(target);
  if ("supabaseUrl" in target) return await work(watched(new RestStore(target), target));
  return await withConnection(
    target,
    (sql, host) =>
      sql.begin(async (transaction) => {
        if (reason !== undefined) {
          await transaction.unsafe("select set_config('countersign.reason', $1, true)", [reason]);
        }
        return await work(watched(new SqlStore(transaction, host), target));
      }),
  ) as T;
}

function watched(store: RegistryStore, { dryRun }: ChangeOptions): RegistryStore {
  return dryRun === undefined ? store : new DryRunStore(store, dryRun);
}

function checkedReason({ reason }: ChangeOptions): Pick<ChangeOptions, "reason"> {
  if (reason === undefined) return {};
  const isFit = typeof reason === "string" && reason.trim() !== "" && reason.isWellFormed() &&
    [...reason].length <= LONGEST_REASON && !/\p{Cc}/u.test(reason);
  if (isFit) return { reason };
  throw new RegistryError(
    "invalid_argument",
    `Expected reason to be 1 to ${LONGEST_REASON} visible characters`,
  );
}
