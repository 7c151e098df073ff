import { EventEmitter } from "node:events";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { PostgresTarget } from "../url/postgres_url.ts";
import { certificateError } from "./certificate_error.ts";
import { PostgresConnectionError } from "../errors.ts";
import { certificateChecks } from "../url/sslmode.ts";

/** SSLRequest (PostgreSQL protocol, "SSL Session Encryption"): length 8, code 80877103. */
const SSL_REQUEST = Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47);
const SSL_ACCEPTED = "S".charCodeAt(0);
const SSL_REFUSED = "N".charCodeAt(0);

/**
 * A connection to Postgres, encrypted as the target demands, as postgres.js drives one.
 *
 * It lives once: its end is an error and never a "close". On "close" postgres.js connects again by itself,
 * at once and without end where a server accepts and hangs up (a restarting pooler counts that as an
 * attack), and may go on writing to the socket that is gone.
 */
export class PostgresSocket extends EventEmitter {
  readonly #socket: Socket;
  readonly #onEnd: () => void;
  #ended = false;

  constructor(socket: Socket, onEnd: () => void) {
    super();
    this.#socket = socket;
    this.#onEnd = onEnd;
    socket.on("data", (bytes) => this.emit("data", bytes));
    socket.on("drain", () => this.emit("drain"));
    // Deno 2.1 finishes the handshake with the first bytes that are read.
    socket.on("error", (error) => this.#end(certificateError(error)));
    socket.on("close", () => this.#end(connectionClosed()));
  }

  get readyState(): "open" | "closed" {
    return this.#ended ? "closed" : "open";
  }

  write(bytes: Uint8Array): boolean {
    if (!this.#ended) return this.#socket.write(bytes);
    // The statement that this belongs to would wait for ever.
    queueMicrotask(() => this.#fail(connectionClosed()));
    return false;
  }

  end(bytes: Uint8Array): void {
    if (!this.#ended) this.#socket.end(bytes);
  }

  destroy(): void {
    this.#socket.destroy();
    this.#end(connectionClosed());
  }

  setKeepAlive(enable: boolean, delay: number): void {
    this.#socket.setKeepAlive(enable, delay);
  }

  #end(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket.destroy();
    this.#fail(error);
    this.#onEnd();
  }

  #fail(error: Error): void {
    if (this.listenerCount("error") > 0) this.emit("error", error);
  }
}

/**
 * Opens a connection. Where the target demands TLS and the server has none, there is no connection.
 *
 * @param ca PEM certificates to trust.
 * @param signal Ends the connection, also while it is being opened.
 * @param onEnd Called once, when an opened connection is over.
 * @throws {Error} It can't be opened, or its certificate does not hold.
 */
export async function openPostgresSocket(
  target: PostgresTarget,
  ca: string | undefined,
  signal: AbortSignal,
  onEnd: () => void,
): Promise<PostgresSocket> {
  const { host, port } = target;
  const plain = host.startsWith("/")
    ? connectTcp({ path: `${host}/.s.PGSQL.${port}` })
    : connectTcp({ host, port, noDelay: true });
  try {
    await settled<void>(plain, signal, (resolve) => plain.once("connect", () => resolve()));
    const socket = target.tls === "off" ? plain : await encrypt(plain, target, ca, signal);
    // The signal may have come between a step's end and the next one's listener.
    if (signal.aborted) throw connectionClosed();
    const opened = new PostgresSocket(socket, onEnd);
    signal.addEventListener("abort", () => opened.destroy(), { once: true });
    return opened;
  } catch (error) {
    plain.destroy();
    throw error;
  }
}

/** Turns a plain connection into an encrypted one. */
function encrypt(
  plain: Socket,
  { host, tls }: PostgresTarget,
  ca: string | undefined,
  signal: AbortSignal,
): Promise<Socket> {
  const options = {
    socket: plain,
    host,
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca !== undefined && { ca }),
    ...certificateChecks(tls, ca !== undefined),
  };
  plain.write(SSL_REQUEST);
  return settled(plain, signal, (resolve, reject) => {
    // The handshake starts inside this handler: a turn later Deno 2.1 is reading from the plain socket
    // again, and the handshake fails.
    plain.once("data", (answer) => {
      const refusal = refusalOf(answer);
      if (refusal !== undefined) return reject(refusal);
      const secure = connectTls(options);
      secure.once("secureConnect", () => resolve(secure))
        .once("error", (error) => reject(certificateError(error)));
    });
  });
}

/** What keeps TLS from being begun after this answer to an SSLRequest. */
function refusalOf(answer: Uint8Array): PostgresConnectionError | undefined {
  // More than this one byte would be plaintext slipped in before the handshake (CVE-2021-23222).
  if (answer.length === 1 && answer[0] === SSL_ACCEPTED) return undefined;
  return answer.length === 1 && answer[0] === SSL_REFUSED
    ? new PostgresConnectionError(
      "TLS_NOT_OFFERED",
      "The server does not offer TLS; turn it on there, or accept plaintext with sslmode=disable in the URL",
    )
    : new PostgresConnectionError(
      "NOT_POSTGRES",
      "What answers is not Postgres, or something on the way changes what it says; check host and port",
    );
}

/** Rejects as soon as the socket fails, closes, or is not wanted any more. */
async function settled<Value>(
  socket: Socket,
  signal: AbortSignal,
  start: (resolve: (value: Value) => void, reject: (error: Error) => void) => void,
): Promise<Value> {
  const done = new AbortController();
  try {
    return await new Promise<Value>((resolve, reject) => {
      socket.once("error", reject).once("close", () => reject(connectionClosed()));
      signal.addEventListener("abort", () => reject(connectionClosed()), { signal: done.signal });
      if (signal.aborted) reject(connectionClosed());
      start(resolve, reject);
    });
  } finally {
    done.abort();
  }
}

function connectionClosed(): PostgresConnectionError {
  return new PostgresConnectionError("CONNECTION_CLOSED", "The connection to Postgres was closed");
}
