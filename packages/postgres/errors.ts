/**
 * Errors alone, for code that must not load a Postgres driver.
 *
 * @module
 */
export { errorChain, errorCodes } from "./error_codes.ts";

/** Why a connection to Postgres cannot be used. Closed: adding one changes the public API. */
export type PostgresConnectionErrorCode =
  /** The connection URL cannot be used. */
  | "INVALID_URL"
  /** TLS is required, and the server does not offer it. */
  | "TLS_NOT_OFFERED"
  /** What answers does not speak Postgres' protocol, or its answer was tampered with. */
  | "NOT_POSTGRES"
  /** No trusted authority signed the server's certificate. */
  | "CERTIFICATE_NOT_TRUSTED"
  /** The server's certificate is for another host. */
  | "CERTIFICATE_HOST_MISMATCH"
  /** The server's certificate has expired, or is not valid yet. */
  | "CERTIFICATE_EXPIRED"
  /** The server's certificate fails for another reason. */
  | "CERTIFICATE_INVALID"
  /** The connection was not opened in time. */
  | "CONNECT_TIMEOUT"
  /** The server closed the connection, or it was lost. */
  | "CONNECTION_CLOSED"
  /** A statement, connecting included, took too long. */
  | "QUERY_TIMEOUT"
  /** The client was used after its end. */
  | "CLIENT_ENDED"
  /** This runtime cannot keep a connection to Postgres. */
  | "UNSUPPORTED_RUNTIME";

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
   * @param message What was expected, and how to correct it, without anything secret.
   */
  constructor(code: PostgresConnectionErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
