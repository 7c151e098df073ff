import postgres from "postgres";
import { driverOptions } from "./driver_options.ts";
import type { ListeningHooks } from "../pacing/keep_listening.ts";
import { openPostgresSocket, type PostgresSocket } from "./postgres_socket.ts";
import type { PostgresTarget } from "../url/postgres_url.ts";
import type { RefusedPassword } from "../pacing/refused_password.ts";

/** Milliseconds that Postgres has to close a connection after it was asked to. */
const GOODBYE = 500;

/** One connection, opened at the first statement. It is not opened again once it is over. */
export class PostgresConnection {
  readonly #sql: ReturnType<typeof postgres>;
  readonly #abort = new AbortController();
  readonly #ended: Promise<void>;
  readonly #refused: RefusedPassword;
  #socket: PostgresSocket | undefined;
  /** What kept it from being opened; `undefined` if nothing did. */
  #failure: Promise<unknown> | undefined;
  #isOver = false;

  /**
   * @param ca PEM certificates to trust.
   * @param refused Shared by the connections of a client.
   * @param hooks Present on a connection that listens.
   */
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
    // `socket` and `onnotify` are not in the declarations: the first is documented, the second is what listen()
    // uses.
    const options = {
      ...driverOptions(target),
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

  /** Whether it can't be used any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Runs one statement. */
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
    if (error !== undefined && !isOfStatement(error)) return this.#refused.failed(error);
    this.#refused.accepted();
    return undefined;
  }

  /** Says goodbye, and closes the socket of a server that does not answer that. */
  async end(): Promise<void> {
    await this.#sql.end({ timeout: 0 });
    if (this.#socket === undefined) return this.destroy();
    const timer = setTimeout(() => this.destroy(), GOODBYE);
    await this.#ended;
    clearTimeout(timer);
  }

  /** Closes the socket at once. Statements under way are rejected. */
  destroy(): void {
    this.#abort.abort();
  }
}

/** Whether a statement went wrong on a connection that lives on. */
function isOfStatement(error: unknown): boolean {
  return error instanceof Error && Reflect.get(error, "severity") === "ERROR";
}
