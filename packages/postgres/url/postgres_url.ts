import { PostgresConnectionError } from "../errors.ts";
import { SSLMODE_NAMES, type TlsMode, tlsMode } from "./sslmode.ts";

const DEFAULT_PORT = 5432;
const SHAPE =
  'like postgres://user:password@host:5432/postgres, with special characters percent-encoded: "#" is %23, "%" is %25, "/" is %2F';

/** Where a connection URL leads. */
export interface PostgresTarget {
  /** A host name, an address without brackets, or the directory of a Unix socket. */
  readonly host: string;
  /** The TCP port, or the number in the socket's file name. */
  readonly port: number;
  /** The role to connect as. */
  readonly user: string;
  /** Its password, or an empty string. */
  readonly password: string;
  /** The database's name. Default: the user's name, as in libpq. */
  readonly database: string;
  /** How much of TLS the connection must have. */
  readonly tls: TlsMode;
}

/**
 * Reads `postgres://user:password@host:port/database?sslmode=…&host=/socket/directory`.
 *
 * Without `sslmode`, a connection that leaves the machine is encrypted, and certificate and host name are checked.
 * `allow` and `prefer` mean `require`, so that nothing falls back to plaintext by itself.
 *
 * **Does not** read other parameters, which are for other clients, and does not read `PG*` variables.
 *
 * @param text The URL, with special characters percent-encoded.
 * @returns What the URL says, decoded. An IPv6 address loses its brackets.
 * @throws {PostgresConnectionError} `INVALID_URL`. The message does not repeat the URL, which holds a password.
 *
 * @example Read a URL
 * ```ts
 * import { parsePostgresUrl } from "@countersign/postgres";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(parsePostgresUrl("postgres://reader:p%23ss@[2001:db8::1]:6543/postgres"), {
 *   host: "2001:db8::1",
 *   port: 6543,
 *   user: "reader",
 *   password: "p#ss",
 *   database: "postgres",
 *   tls: "certificate-and-host",
 * });
 * ```
 */
export function parsePostgresUrl(text: string): PostgresTarget {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^postgres(?:ql)?:$/.test(url.protocol)) {
    throw invalid(SHAPE);
  }
  // A "#", "?" or "/" of a password ends the host there. If an "@" comes before it, the rest of the password
  // would be taken for a host, and its beginning would be sent to that host.
  if (text.includes("#") || /@/.test(url.pathname + url.search) || /.\//.test(url.pathname)) {
    throw invalid(SHAPE);
  }
  const socketDirectory = url.searchParams.get("host");
  const host = (socketDirectory ?? decoded(url.hostname)).replace(/^\[(.*)\]$/, "$1");
  if (host === "" || host.includes(",")) throw invalid("that names one host");
  const tls = tlsMode(url.searchParams.get("sslmode"), host);
  if (tls === undefined) {
    throw invalid(`whose "sslmode" is one of ${SSLMODE_NAMES.join(", ")}, or is left out`);
  }
  const user = decoded(url.username);
  if (user === "") throw invalid("that names a user");
  return {
    host,
    port: url.port === "" ? DEFAULT_PORT : Number(url.port),
    user,
    password: decoded(url.password),
    database: decoded(url.pathname.slice(1)) || user,
    tls,
  };
}

function decoded(part: string): string {
  let text: string;
  try {
    text = decodeURIComponent(part);
  } catch {
    throw invalid(SHAPE);
  }
  // The protocol separates names and values by U+0000: one inside a name would start another parameter.
  if (text.includes("\0")) throw invalid("without U+0000");
  return text;
}

function invalid(expected: string): PostgresConnectionError {
  return new PostgresConnectionError("INVALID_URL", `Expected a connection URL ${expected}`);
}
