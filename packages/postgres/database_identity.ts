import type { PostgresClient } from "./postgres_client.ts";

const IDENTITY = `
select encode(sha256(convert_to(concat_ws(':', c.system_identifier, d.oid, d.datname), 'UTF8')), 'hex') as identity
from pg_catalog.pg_control_system() c
cross join pg_catalog.pg_database d
where d.datname = pg_catalog.current_database()`;

/**
 * Tells a database from every other, its own dump restored elsewhere included.
 *
 * **Does not** tell a physical copy (a replica, a snapshot of the disk) from its original.
 *
 * @param client What asks the database.
 * @returns 16 hexadecimal digits. They reveal nothing of the server.
 *
 * @example Compare two connections
 * ```ts
 * import { connectPostgres, databaseIdentity } from "@countersign/postgres";
 * import { startLocalTarget } from "@countersign/local-target";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({ function: false });
 * const client = connectPostgres(target.databaseUrl);
 * const other = connectPostgres(target.superuserUrl);
 *
 * assert.equal(await databaseIdentity(client), await databaseIdentity(other));
 * await Promise.all([client.end(), other.end()]);
 * ```
 */
export async function databaseIdentity(client: Pick<PostgresClient, "query">): Promise<string> {
  const [row] = await client.query(IDENTITY, []);
  return String(row?.identity).slice(0, 16);
}
