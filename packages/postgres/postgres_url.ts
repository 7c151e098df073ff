import { PostgresConnectionError } from "./errors.ts";

/** How much of TLS a connection must have. */
export type TlsMode = "off" | "encrypted" | "certificate" | "certificate-and-host";

/** What a connection URL says. */
export interface PostgresTarget {
  /** A host name, an address, or the directory of a Unix socket. */
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

// `allow` and `prefer` would let a server, or whoever stands between, choose plaintext. They are held to
// what they have in common with `require`.
const TLS_MODES: ReadonlyMap<string, TlsMode> = new Map([
  ["disable", "off"],
  ["allow", "encrypted"],
  ["prefer", "encrypted"],
  ["require", "encrypted"],
  ["verify-ca", "certificate"],
  ["verify-full", "certificate-and-host"],
]);

/**
 * Reads `postgres://user:password@host:port/database?sslmode=…&host=/socket/directory`.
 *
 * Without `sslmode`, a connection that leaves the machine is encrypted and its certificate checked. Other
 * parameters are for other clients and are not read.
 *
 * @throws {PostgresConnectionError} `INVALID_URL`, without repeating the URL, which holds a password.
 */
export function parsePostgresUrl(text: string): PostgresTarget {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^postgres(?:ql)?:$/.test(url.protocol)) {
    throw invalid("must be a URL such as postgres://user:password@host:5432/postgres");
  }
  const socketDirectory = url.searchParams.get("host");
  const host = socketDirectory ?? url.hostname.replace(/^\[|\]$/g, "");
  if (host === "" || host.includes(",")) throw invalid("must name one host");
  const sslmode = url.searchParams.get("sslmode");
  const tls = sslmode === null ? defaultTls(host) : TLS_MODES.get(sslmode);
  if (tls === undefined) {
    throw invalid(`must have an "sslmode" among ${[...TLS_MODES.keys()].join(", ")}, or none`);
  }
  const user = decode(url.username);
  if (user === "") throw invalid("must name a user");
  return {
    host: decode(host),
    port: url.port === "" ? 5432 : Number(url.port),
    user,
    password: decode(url.password),
    database: decode(url.pathname.slice(1)) || user,
    tls,
  };
}

function defaultTls(host: string): TlsMode {
  const staysHere = host.startsWith("/") || host === "localhost" || host === "::1" ||
    /^127(?:\.\d{1,3}){3}$/.test(host);
  return staysHere ? "off" : "certificate-and-host";
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid("must percent-encode special characters, such as those of a password");
  }
}

function invalid(message: string): PostgresConnectionError {
  return new PostgresConnectionError("INVALID_URL", `The connection URL ${message}`);
}
