import { PostgresConnectionError } from "./errors.ts";
import { keepListening } from "./pacing/keep_listening.ts";
import type { PostgresClient } from "./postgres_client.ts";
import { PostgresConnection } from "./connection/postgres_connection.ts";
import { parsePostgresUrl } from "./url/postgres_url.ts";
import { RefusedPassword } from "./pacing/refused_password.ts";
import { queryTimedOut } from "./pacing/timeout.ts";

/** Supavisor's and PgBouncer's transaction pooler, where LISTEN has no session to live in. */
const TRANSACTION_POOLER_PORT = 6543;

/** How {@linkcode connectPostgres} connects. */
export interface ConnectPostgresOptions {
  /** PEM certificates of the CA to trust. Default: the system's. */
  readonly ca?: string;
  /** Whether to LISTEN. Default: unless the port is 6543 (a transaction pooler, where it cannot work). */
  readonly listen?: boolean;
  /** Milliseconds for a statement, connecting included, before its connection is dropped. Default: 2,500. */
  readonly queryTimeout?: number;
}

/**
 * Connects to Postgres with postgres.js: one connection for statements and, where possible, one that listens. Both
 * are opened when they are needed, and opened again after they were lost. Statements are not prepared, so a
 * transaction pooler works.
 *
 * A connection that leaves the machine is encrypted and its certificate checked, unless the URL says otherwise:
 *
 * | `sslmode` | |
 * |---|---|
 * | none | `verify-full`; `disable` for a loopback address or a Unix socket |
 * | `disable` | plaintext |
 * | `allow`, `prefer`, `require` | encrypted; certificate checked only if `ca` is given; never plaintext |
 * | `verify-ca` | encrypted, certificate checked |
 * | `verify-full` | encrypted, certificate and host name checked |
 *
 * Deno 2.1, and so Supabase's Edge runtime, checks certificate and host name whenever it encrypts.
 *
 * A password that was refused is tried again after two seconds and then every ten minutes: trying more often has
 * the address banned.
 *
 * **Does not** retry a statement, and does not connect before the first one.
 *
 * @param url `postgres://user:password@host:port/database`; see {@linkcode parsePostgresUrl}.
 * @param options Certificates, LISTEN, and the timeout in milliseconds.
 * @returns A client.
 * @throws {PostgresConnectionError} `INVALID_URL`: the message does not repeat it. `UNSUPPORTED_RUNTIME`: on Workers,
 * where a connection belongs to the request that opened it.
 *
 * @example Reach a database
 * ```ts
 * import { connectPostgres } from "@countersign/postgres";
 * import assert from "node:assert/strict";
 *
 * const client = connectPostgres("postgres://countersign_reader:secret@db.example.com:5432/postgres");
 * assert.ok(client.listen); // Not at port 6543.
 *
 * await client.end();
 * ```
 */
export function connectPostgres(
  url: string,
  options: ConnectPostgresOptions = {},
): PostgresClient {
  assertRuntimeKeepsConnections();
  const target = parsePostgresUrl(url);
  const { ca, queryTimeout = 2_500, listen = target.port !== TRANSACTION_POOLER_PORT } = options;
  const refused = new RefusedPassword();
  let current: PostgresConnection | undefined;
  let ended = false;

  function connection(): PostgresConnection {
    if (ended) throw new PostgresConnectionError("CLIENT_ENDED", "The Postgres client was ended");
    if (current?.isOver === false) return current;
    current = new PostgresConnection(target, ca, refused);
    return current;
  }

  async function query(
    text: string,
    params: readonly string[],
  ): Promise<readonly Record<string, unknown>[]> {
    const used = connection();
    let late = false;
    // A connection that was cut without a word never answers: it is given up with the statement.
    const timer = setTimeout(() => {
      late = true;
      used.destroy();
    }, queryTimeout);
    try {
      return await used.query(text, params);
    } catch (error) {
      throw late ? queryTimedOut(queryTimeout) : error;
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    query,
    ...(listen && {
      listen: (channel: string, onNotify: (payload: string) => void, onListening: () => void) =>
        Promise.resolve(keepListening(
          (hooks) => {
            const opened = new PostgresConnection(target, ca, refused, hooks);
            const text = `listen "${channel.replaceAll('"', '""')}"`;
            // Asked over the other connection first, a wrong password is tried once and not twice.
            const proven = query("select", []);
            return {
              listen: () => proven.then(() => opened.query(text, [])),
              end: () => opened.end(),
            };
          },
          queryTimeout,
          onNotify,
          onListening,
        )),
    }),
    async end() {
      ended = true;
      await current?.end();
    },
  };
}

/** On Workers the second request would wait for a socket that only the first may read, and be refused at last. */
function assertRuntimeKeepsConnections(): void {
  if (globalThis.navigator?.userAgent !== "Cloudflare-Workers") return;
  throw new PostgresConnectionError(
    "UNSUPPORTED_RUNTIME",
    "Workers cannot keep a connection to Postgres; read the registry over REST, with the project's URL and a service key",
  );
}
