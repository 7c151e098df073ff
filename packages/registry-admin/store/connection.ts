import {
  openSql,
  parsePostgresUrl,
  PostgresConnectionError,
  type Sql,
} from "@countersign/postgres";
import { canonicalCertificates } from "@countersign/verifier";
import { RegistryError } from "../errors.ts";
import type { DatabaseTarget, SqlTarget } from "../target.ts";
import { failedQuery } from "./database_error.ts";

/** Seconds for statements that are still under way when a connection is closed. */
const CLOSE_TIMEOUT_S = 5;

/** Connects, does the work, and closes what it opened. A client that the caller gave stays open. */
export async function withConnection<T>(
  target: DatabaseTarget | SqlTarget,
  work: (sql: Sql, host: string) => Promise<T>,
): Promise<T> {
  if ("sql" in target) return await withRegistryErrors(target.sql, hostOf(target), work);
  await using database = openDatabase(target);
  return await withRegistryErrors(database.sql, database.host, work);
}

/** How a person recognizes a client's database. */
function hostOf(target: SqlTarget | OpenDatabase): string {
  return "host" in target ? target.host : target.sql.options.host[0] ?? "the database";
}

/** An open database, for `await using`. */
export interface OpenDatabase extends SqlTarget, AsyncDisposable {
  /** The host that the URL names. */
  readonly host: string;
}

/**
 * Opens a database for several operations, which then share one connection. It is made with the first of them.
 *
 * @param target Where the database is.
 * @returns The database, to be closed with `await using`.
 * @throws {RegistryError} `invalid_argument`: the URL or the certificates cannot be used. The message repeats neither.
 *
 * @example Ask two things over one connection
 * ```ts
 * import { guardStatus, listIssuers, openDatabase } from "@countersign/registry-admin";
 * import { startLocalTarget } from "@countersign/local-target";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({ function: false });
 * await using database = openDatabase({ databaseUrl: target.databaseUrl });
 *
 * assert.equal((await guardStatus(database)).enabled, false);
 * assert.deepEqual(await listIssuers(database), []);
 * ```
 */
export function openDatabase({ databaseUrl, databaseCa }: DatabaseTarget): OpenDatabase {
  try {
    const { host } = parsePostgresUrl(databaseUrl);
    const ca = databaseCa === undefined ? undefined : canonicalCertificates(databaseCa);
    const sql = openSql(databaseUrl, { ca });
    return { sql, host, [Symbol.asyncDispose]: () => sql.end({ timeout: CLOSE_TIMEOUT_S }) };
  } catch (error) {
    if (error instanceof PostgresConnectionError || error instanceof TypeError) {
      throw new RegistryError("invalid_argument", error.message);
    }
    throw error;
  }
}

async function withRegistryErrors<T>(
  sql: Sql,
  host: string,
  work: (sql: Sql, host: string) => Promise<T>,
): Promise<T> {
  try {
    return await work(sql, host);
  } catch (error) {
    throw failedQuery(error, host);
  }
}
