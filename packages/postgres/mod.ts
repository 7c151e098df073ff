/**
 * Connects to Postgres: reads the URL, encrypts the connection, listens, and paces what is tried again.
 *
 * @example Read where a connection URL leads
 * ```ts
 * import { parsePostgresUrl } from "@countersign/postgres";
 * import assert from "node:assert/strict";
 *
 * const { host, tls } = parsePostgresUrl("postgres://reader:secret@db.example.com/postgres");
 * assert.equal(host, "db.example.com");
 * assert.equal(tls, "certificate-and-host");
 * ```
 *
 * @module
 */
export type { PostgresClient, PostgresListener } from "./postgres_client.ts";
export { connectPostgres, type ConnectPostgresOptions } from "./connect_postgres.ts";
export {
  type DenoPostgresClient,
  type DenoPostgresPool,
  fromDenoPostgres,
  type FromDenoPostgresOptions,
} from "./from_deno_postgres.ts";

export { databaseIdentity } from "./database_identity.ts";
export { openSql, type OpenSqlOptions, type Sql, type TransactionSql } from "./open_sql.ts";

export { parsePostgresUrl, type PostgresTarget } from "./url/postgres_url.ts";
export type { TlsMode } from "./url/sslmode.ts";
export { backoff } from "./pacing/backoff.ts";
export { withTimeout } from "./pacing/timeout.ts";
export {
  errorChain,
  errorCodes,
  PostgresConnectionError,
  type PostgresConnectionErrorCode,
} from "./errors.ts";
