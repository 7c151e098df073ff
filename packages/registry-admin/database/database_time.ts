import { withConnection } from "../store/connection.ts";
import { RegistryError } from "../errors.ts";
import type { DatabaseTarget, SqlTarget } from "../target.ts";

/**
 * Reads the database's clock, by which the guard judges keys.
 *
 * @returns Milliseconds since the epoch.
 * @throws {RegistryError} `not_authorized`, `unreachable`.
 *
 * @example Compare it with ours
 * ```ts
 * import { databaseTime } from "@countersign/registry-admin";
 * import { startLocalTarget } from "@countersign/local-target";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({ function: false });
 * const { databaseUrl } = target;
 * assert(Math.abs(await databaseTime({ databaseUrl }) - Date.now()) < 5_000);
 * ```
 */
export async function databaseTime(target: DatabaseTarget | SqlTarget): Promise<number> {
  return await withConnection(target, async (sql, host) => {
    const [row] = await sql.unsafe<{ now: string }[]>(
      "select extract(epoch from clock_timestamp())::text as now",
    );
    if (row === undefined) throw new RegistryError("unreachable", `Expected "${host}" to answer`);
    return Number(row.now) * 1000;
  });
}
