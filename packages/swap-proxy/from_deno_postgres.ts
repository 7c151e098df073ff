import type { PostgresClient } from "./postgres_client.ts";

/** What of a deno-postgres client is used. */
export interface DenoPostgresClient {
  /** Runs one statement. */
  queryObject(
    query: { text: string; args: unknown[] },
  ): Promise<{ rows: Record<string, unknown>[] }>;
  /** Gives the client back to its pool. */
  release(): void;
}

/** What of a deno-postgres pool is used, by shape: the library is not imported. */
export interface DenoPostgresPool {
  /** Takes a client from the pool. */
  connect(): Promise<DenoPostgresClient>;
  /** Closes every connection. */
  end(): Promise<void>;
}

/**
 * Adapts a deno-postgres `Pool`, for those who have one already.
 *
 * **Does not** listen (deno-postgres can't), so changes are seen by polling, within `maxStaleness`; and
 * does not make the pool's TLS strict: set `tls.enforce` yourself, or it falls back to plaintext.
 *
 * @param pool A deno-postgres `Pool`.
 * @returns A client for `postgresKeySource`.
 *
 * @example Adapt a pool
 * ```ts
 * import { type DenoPostgresPool, fromDenoPostgres } from "@countersign/swap-proxy";
 * import assert from "node:assert/strict";
 *
 * // Stands for `new Pool(url, 2, true)` of deno-postgres.
 * const pool: DenoPostgresPool = {
 *   connect: () =>
 *     Promise.resolve({
 *       queryObject: ({ args }) => Promise.resolve({ rows: [{ answer: args[0] }] }),
 *       release: () => {},
 *     }),
 *   end: () => Promise.resolve(),
 * };
 * const client = fromDenoPostgres(pool);
 * assert.deepEqual(await client.query("select $1 as answer", ["42"]), [{ answer: "42" }]);
 * ```
 */
export function fromDenoPostgres(pool: DenoPostgresPool): PostgresClient {
  return {
    async query(text, params) {
      const client = await pool.connect();
      try {
        return (await client.queryObject({ text, args: [...params] })).rows;
      } finally {
        client.release();
      }
    },
    end: () => pool.end(),
  };
}
