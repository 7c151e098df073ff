import type { PostgresClient } from "./postgres_client.ts";
import { PostgresConnectionError } from "./errors.ts";
import { withTimeout } from "./pacing/timeout.ts";

/** What of a deno-postgres client is used. */
export interface DenoPostgresClient {
  /** Runs one statement. */
  queryObject(
    query: { text: string; args: unknown[] },
  ): Promise<{ rows: Record<string, unknown>[] }>;
  /** Gives the client back to its pool. */
  release(): void;
  /** Closes the connection. */
  end(): Promise<void>;
}

/** What of a deno-postgres pool is used, by shape: the library is not imported. */
export interface DenoPostgresPool {
  /** How many clients it has, lent ones included. */
  readonly size: number;
  /** Takes a client from the pool. Opens the pool again if it was ended. */
  connect(): Promise<DenoPostgresClient>;
  /** Closes every connection that is not lent. */
  end(): Promise<void>;
}

/** How {@linkcode fromDenoPostgres} uses the pool. Times are milliseconds. */
export interface FromDenoPostgresOptions {
  /** How long a statement may take, connecting included, before its connection is given up. Default: 2,500. */
  readonly queryTimeout?: number;
}

/**
 * Adapts a deno-postgres `Pool`, for those who have one already.
 *
 * A pool of deno-postgres does not survive its server: it goes on lending a client whose connection broke,
 * and loses one for good each time it cannot connect. So whenever a statement fails, the pool is ended, and opens
 * again with the next. Give it a separate pool, lazy and of one client: that is all that is used.
 *
 * **Does not** listen (deno-postgres cannot), so changes are seen by polling, within `maxStaleness`; and
 * does not make the pool's TLS strict: set `tls.enforce` yourself, or it falls back to plaintext.
 *
 * @param pool A deno-postgres `Pool` that nothing else uses.
 * @param options The timeout in milliseconds.
 * @returns A client.
 *
 * @example Adapt a pool
 * ```ts
 * import { type DenoPostgresPool, fromDenoPostgres } from "@countersign/postgres";
 * import assert from "node:assert/strict";
 *
 * // Stands for `new Pool(url, 1, true)` of deno-postgres.
 * const pool: DenoPostgresPool = {
 *   size: 1,
 *   connect: () =>
 *     Promise.resolve({
 *       queryObject: ({ args }) => Promise.resolve({ rows: [{ answer: args[0] }] }),
 *       release: () => {},
 *       end: () => Promise.resolve(),
 *     }),
 *   end: () => Promise.resolve(),
 * };
 * const client = fromDenoPostgres(pool);
 * assert.deepEqual(await client.query("select $1 as answer", ["42"]), [{ answer: "42" }]);
 * ```
 */
export function fromDenoPostgres(
  pool: DenoPostgresPool,
  options: FromDenoPostgresOptions = {},
): PostgresClient {
  const { queryTimeout = 2_500 } = options;
  /** Counts how often the pool was opened; a client of an earlier one cannot be given back. */
  let generation = 0;
  let renewal = Promise.resolve();
  let ended = false;

  return {
    async query(text, params) {
      if (ended) throw new PostgresConnectionError("CLIENT_ENDED", "The Postgres client was ended");
      const lent = Promise.withResolvers<DenoPostgresClient>();
      const statement = async () => {
        await renewal;
        const lentFrom = generation;
        const client = await pool.connect();
        lent.resolve(client);
        const { rows } = await client.queryObject({ text, args: [...params] });
        if (lentFrom === generation) client.release();
        else closeQuietly(client);
        return rows;
      };
      try {
        return await withTimeout(queryTimeout, statement());
      } catch (error) {
        lent.promise.then(closeQuietly);
        generation++;
        renewal = end(pool);
        throw error;
      }
    },
    async end() {
      if (ended) return;
      ended = true;
      await renewal;
      await pool.end();
    },
  };
}

/** What becomes of a connection that is given up is of no interest. */
function closeQuietly(client: DenoPostgresClient): void {
  client.end().catch(() => {});
}

/** Ends the pool: each attempt that fails has taken at least one broken client out of it. */
async function end(pool: DenoPostgresPool): Promise<void> {
  for (let left = pool.size; left >= 0; left--) {
    try {
      return await pool.end();
    } catch {
      // That client could not say goodbye to its server.
    }
  }
}
