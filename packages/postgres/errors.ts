/** Why there is no connection to Postgres, or no longer one. Closed: adding one changes the public API. */
export type PostgresConnectionErrorCode =
  /** The connection URL cannot be used. */
  | "INVALID_URL"
  /** TLS is required, and the server does not offer it. */
  | "TLS_NOT_OFFERED"
  /** The server closed the connection, or it was lost. */
  | "CONNECTION_CLOSED"
  /** A statement, connecting included, took too long. */
  | "QUERY_TIMEOUT"
  /** The client was used after its end. */
  | "CLIENT_ENDED";

/**
 * A connection to Postgres that cannot be used.
 *
 * The message is a fixed sentence that says what to do. It never holds a URL, a password or anything that the
 * server sent, so a log may show it. The codes stand beside the SQLSTATEs (`28P01`) and errno names
 * (`ECONNREFUSED`) of the errors that Postgres and the operating system raise.
 *
 * @example Tell the codes apart
 * ```ts
 * import { parsePostgresUrl, PostgresConnectionError } from "@countersign/postgres";
 * import assert from "node:assert/strict";
 *
 * assert.throws(
 *   () => parsePostgresUrl("mysql://user:secret@db.example.com/app"),
 *   (error) => error instanceof PostgresConnectionError && error.code === "INVALID_URL",
 * );
 * ```
 */
export class PostgresConnectionError extends Error {
  /** Always `"PostgresConnectionError"`. */
  override readonly name = "PostgresConnectionError";
  /** Which of the closed set of failures this is. */
  readonly code: PostgresConnectionErrorCode;

  /**
   * Makes an error of one code.
   *
   * @param code One of the closed set.
   * @param message What was expected, without anything secret.
   */
  constructor(code: PostgresConnectionErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A statement on a client that was ended. */
export function clientEnded(): PostgresConnectionError {
  return new PostgresConnectionError("CLIENT_ENDED", "The Postgres client was ended");
}
