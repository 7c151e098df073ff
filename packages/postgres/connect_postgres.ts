import postgres from "postgres";
import type { PostgresClient } from "./postgres_client.ts";
import { listenAndGoOn, type ListeningHooks } from "./postgres_listen.ts";
import { openPostgresSocket, type PostgresSocket } from "./postgres_socket.ts";
import { clientEnded } from "./errors.ts";
import { queryTimedOut } from "./timeout.ts";
import { parsePostgresUrl, type PostgresTarget } from "./postgres_url.ts";
import { RefusedPassword } from "./refused_password.ts";

/** Supavisor's and PgBouncer's transaction pooler, where LISTEN has no session to live in. */
const TRANSACTION_POOLER_PORT = 6543;
/** Milliseconds that Postgres has to close a connection after it was asked to. */
const GOODBYE = 500;

/** How {@linkcode connectPostgres} connects. Times are milliseconds. */
export interface ConnectPostgresOptions {
  /** PEM certificates to trust, for a server whose authority the system does not know. */
  readonly ca?: string;
  /** Whether to LISTEN. Default: true, unless the port is 6543 (a transaction pooler, where it cannot work). */
  readonly listen?: boolean;
  /** How long a statement may take, connecting included, before its connection is dropped. Default: 2,500. */
  readonly queryTimeout?: number;
}

/**
 * Reaches Postgres with postgres.js: one connection for statements and, where possible, one that listens.
 * Both are opened when needed, and opened again when they were lost. Statements are not prepared, so a
 * transaction pooler will do.
 *
 * A connection that leaves the machine is encrypted and its certificate checked, unless the URL says
 * otherwise:
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
 * A password that was refused is tried again after two seconds and then every ten minutes: trying more often
 * has the address banned.
 *
 * **Does not** retry a statement, or connect while nobody asks, the listening connection excepted.
 *
 * @param url `postgres://user:password@host:port/database`.
 * @param options Certificates, LISTEN, and the time-out in milliseconds.
 * @returns A client.
 * @throws {PostgresConnectionError} `INVALID_URL`: the URL can't be used. The message does not repeat it.
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
  const target = parsePostgresUrl(url);
  const { ca, queryTimeout = 2_500, listen = target.port !== TRANSACTION_POOLER_PORT } = options;
  const refused = new RefusedPassword();
  let current: Connection | undefined;
  let ended = false;

  function connection(): Connection {
    if (ended) throw clientEnded();
    if (current?.isOver === false) return current;
    current = new Connection(target, ca, refused);
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
        Promise.resolve(listenAndGoOn(
          (hooks) => {
            const opened = new Connection(target, ca, refused, hooks);
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

/** One connection, opened at the first statement. It is not opened again once it is over. */
class Connection {
  readonly #sql: ReturnType<typeof postgres>;
  readonly #abort = new AbortController();
  readonly #ended: Promise<void>;
  readonly #refused: RefusedPassword;
  #socket: PostgresSocket | undefined;
  /** What kept it from being opened; `undefined` if nothing did. */
  #failure: Promise<unknown> | undefined;
  #isOver = false;

  constructor(
    target: PostgresTarget,
    ca: string | undefined,
    refused: RefusedPassword,
    hooks?: ListeningHooks,
  ) {
    this.#refused = refused;
    let onEnd: () => void = () => {};
    this.#ended = new Promise((resolve) => onEnd = resolve);
    const over = () => {
      this.#isOver = true;
      onEnd();
      hooks?.onEnd();
    };
    const { host, port, user, password, database } = target;
    // Every option is set, so that none comes from a PG* variable of the environment. `socket` and
    // `onnotify` are not in the declarations: the first is documented, the second is what listen() uses.
    const options = {
      host,
      port,
      user,
      password,
      database,
      max: 1,
      ssl: false,
      sslnegotiation: null,
      connect_timeout: 30,
      idle_timeout: 0,
      max_lifetime: null,
      max_pipeline: 100,
      backoff: false,
      keep_alive: 15,
      prepare: false,
      debug: false,
      fetch_types: false,
      publications: "alltables",
      connection: { application_name: "countersign" },
      onnotice: () => {},
      onnotify: (_channel: string, payload: string) => hooks?.onNotify(payload),
      socket: async () => {
        try {
          refused.mayConnect();
          this.#abort.signal.throwIfAborted();
          this.#socket = await openPostgresSocket(target, ca, this.#abort.signal, over);
          return this.#socket;
        } catch (error) {
          over();
          throw error;
        }
      },
    };
    this.#sql = postgres(options);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  async query(
    text: string,
    params: readonly string[],
  ): Promise<readonly Record<string, unknown>[]> {
    // What is queued behind the first statement would never be answered if the connection can't be opened.
    const failure = this.#failure && await this.#failure;
    if (failure !== undefined) throw failure;
    const rows = this.#sql.unsafe(text, [...params]).execute();
    this.#failure ??= rows.then(() => this.#settle(), (error) => this.#settle(error));
    return await rows;
  }

  /** Whether the connection was opened shows in the answer to its first statement. */
  #settle(error?: unknown): unknown {
    if (error !== undefined && !isOfStatement(error)) {
      return this.#refused.failed(error);
    }
    this.#refused.accepted();
    return undefined;
  }

  /** Says goodbye, and hangs up on a peer that does not answer that. */
  async end(): Promise<void> {
    await this.#sql.end({ timeout: 0 });
    if (this.#socket === undefined) return this.destroy();
    const timer = setTimeout(() => this.destroy(), GOODBYE);
    await this.#ended;
    clearTimeout(timer);
  }

  /** Hangs up, also on a peer that is silent. Statements under way are rejected. */
  destroy(): void {
    this.#abort.abort();
  }
}

/** Whether a statement went wrong on a connection that lives on. */
function isOfStatement(error: unknown): boolean {
  return error instanceof Error && Reflect.get(error, "severity") === "ERROR";
}
