import { withConnection } from "../store/connection.ts";
import { MIGRATIONS } from "./migrations.ts";
import type { DatabaseTarget, SqlTarget } from "../target.ts";

/**
 * Brings the target's registry to the schema that this version expects.
 *
 * All migrations run in one transaction: either all of them hold afterwards or nothing has changed. Each begins by taking the same
 * advisory lock, so others who try at the same time wait. They are idempotent, so no record is kept of which ran; that also lets them be
 * applied by `supabase db push` before or after, whose own history this does not touch.
 *
 * @param target A database URL, or what `{databaseUrl}` and `{sql}` say. It has to be the project's `postgres` user, or a superuser.
 * @throws {RegistryError} `not_authorized`, `unreachable`, `refused_by_database`.
 *
 * @example Make a registry
 * ```ts
 * import { applyMigrations, listIssuers } from "@countersign/registry-admin";
 * import { startLocalTarget } from "@countersign/local-target";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({ function: false, migrations: false });
 *
 * await applyMigrations(target.databaseUrl);
 * assert.deepEqual(await listIssuers({ databaseUrl: target.databaseUrl }), []);
 * ```
 */
export async function applyMigrations(target: string | DatabaseTarget | SqlTarget): Promise<void> {
  const database = typeof target === "string" ? { databaseUrl: target } : target;
  await withConnection(database, (sql) =>
    sql.begin(async (transaction) => {
      for (const migration of MIGRATIONS) await transaction.unsafe(migration.sql);
      // A self-hosted PostgREST has no event trigger that tells it about new tables.
      await transaction.unsafe("notify pgrst, 'reload schema'");
    }));
}
