import { EventEmitter } from "node:events";
import postgres, { type Sql, type TransactionSql } from "postgres";
import { driverOptions } from "./connection/driver_options.ts";
import { PostgresConnectionError } from "./errors.ts";
import { openPostgresSocket, type PostgresSocket } from "./connection/postgres_socket.ts";
import { parsePostgresUrl, type PostgresTarget } from "./url/postgres_url.ts";

export type { Sql, TransactionSql };

/** How {@linkcode openSql} connects. */
export interface OpenSqlOptions {
  /** PEM certificates of the CA to trust. Default: the system's. */
  readonly ca?: string | undefined;
  /** Milliseconds until a connection has to be open. Default: 10,000. */
  readonly connectTimeout?: number;
}

/**
 * Opens a postgres.js client with one connection, for transactions and templates. The connection is opened with the
 * first statement, encrypted as {@linkcode connectPostgres} does it, and opened again after it was lost. A transaction
 * whose session ends fails as a whole: none of its later statements runs.
 *
 * **Does not** pace attempts after a refused password: it is for a person's command, which ends then.
 *
 * @param url `postgres://user:password@host:port/database`; see {@linkcode parsePostgresUrl}.
 * @param options Certificates, and the timeout in milliseconds.
 * @returns A client to `end()`.
 * @throws {PostgresConnectionError} `INVALID_URL`. The message does not repeat it.
 *
 * @example Open and end a client
 * ```ts
 * import { openSql } from "@countersign/postgres";
 * import assert from "node:assert/strict";
 *
 * const sql = openSql("postgres://postgres:secret@[2001:db8::1]:5432/postgres");
 * assert.equal(sql.options.database, "postgres");
 * await sql.end();
 * ```
 */
export function openSql(url: string, options: OpenSqlOptions = {}): Sql {
  const target = parsePostgresUrl(url);
  const { ca, connectTimeout = 10_000 } = options;
  let transactions = 0;
  let ended: PostgresSocket | undefined;
  // Only "close" lets postgres.js connect again. In a transaction that would be too early: its next statement would
  // be written to no socket, which nobody can catch, or run in the new session, where it commits by itself.
  const reopenOnce = () => {
    if (transactions > 0) return;
    ended?.emit("close");
    ended = undefined;
  };
  // `socket` is documented, and not in the declarations.
  const driver = {
    ...driverOptions(target),
    connect_timeout: connectTimeout / 1_000,
    socket: () =>
      openSocket(target, ca, connectTimeout, (socket) => {
        ended = socket;
        reopenOnce();
      }),
  };
  const sql = postgres(driver);
  const begin = sql.begin as (...args: unknown[]) => Promise<unknown>;
  return Object.assign(sql, {
    async begin(...args: unknown[]) {
      transactions++;
      try {
        return await begin(...args);
      } finally {
        transactions--;
        reopenOnce();
      }
    },
  });
}

async function openSocket(
  target: PostgresTarget,
  ca: string | undefined,
  timeout: number,
  onEnd: (socket: PostgresSocket) => void,
): Promise<PostgresSocket | FailedSocket> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeout);
  try {
    const opened: PostgresSocket = await openPostgresSocket(
      target,
      ca,
      late.signal,
      () => onEnd(opened),
    );
    return opened;
  } catch (error) {
    return new FailedSocket(late.signal.aborted ? connectTimedOut(timeout) : error);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Stands for a connection that could not be opened. postgres.js does not recover from a `socket()` that rejects:
 * later statements would wait for ever. From a socket that fails it does, once its first write is done.
 */
class FailedSocket extends EventEmitter {
  readonly readyState = "closed";
  readonly #error: unknown;

  constructor(error: unknown) {
    super();
    this.#error = error;
  }

  write(): boolean {
    queueMicrotask(() => {
      this.emit("error", this.#error);
      this.emit("close");
    });
    return false;
  }

  destroy(): void {}
}

function connectTimedOut(milliseconds: number): PostgresConnectionError {
  return new PostgresConnectionError(
    "CONNECT_TIMEOUT",
    `Postgres did not accept the connection within ${milliseconds} ms`,
  );
}
