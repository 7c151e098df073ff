import postgres from "postgres";
import { RegistryError } from "../errors.ts";
import { failedQuery } from "./database_error.ts";
import type { DatabaseTarget, SqlTarget } from "../target.ts";

const CONNECT_TIMEOUT_S = 10;
const CLOSE_TIMEOUT_S = 5;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/** How a connection is encrypted; what `node:tls` takes. */
export interface Encryption {
  /** What the certificate has to be for. Without it an address would be held against "localhost". */
  readonly host: string;
  readonly rejectUnauthorized: boolean;
  readonly ca?: string;
  readonly checkServerIdentity?: () => undefined;
}

/** Where a database URL leads, taken apart so that the URL itself is never handed on, or quoted. */
export interface ConnectionSettings {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly username: string;
  readonly password: string;
  readonly ssl: false | Encryption;
}

/**
 * Takes a database URL apart and decides on encryption, as the swap proxy does.
 *
 * Loopback needs none. Everything else is encrypted and its certificate checked, unless `sslmode` says less. Nothing
 * falls back to plain text by itself: `prefer` and `allow` would, with the password, whenever someone in between says
 * that the server has no TLS, so they are taken for `require`.
 */
export function connectionSettings(
  { databaseUrl, databaseCa }: DatabaseTarget,
): ConnectionSettings {
  const url = URL.canParse(databaseUrl) ? new URL(databaseUrl) : null;
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol) || url.hostname === "") {
    throw notADatabaseUrl();
  }
  const host = decoded(url.hostname).replace(/^\[|\]$/g, "");
  return {
    host,
    port: Number(url.port || 5432),
    database: decoded(url.pathname.slice(1)) || "postgres",
    username: decoded(url.username) || "postgres",
    password: decoded(url.password),
    ssl: encryption(url.searchParams.get("sslmode"), host, databaseCa),
  };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw notADatabaseUrl();
  }
}

/** Says what is expected and not what was found: it may hold a password. */
function notADatabaseUrl(): RegistryError {
  return new RegistryError(
    "invalid_argument",
    "Expected a database URL, like postgres://user:password@host:5432/postgres, with special characters percent-encoded",
  );
}

function encryption(
  sslmode: string | null,
  host: string,
  databaseCa: string | undefined,
): false | Encryption {
  const ca = databaseCa === undefined ? {} : { ca: databaseCa };
  const anyHost = { checkServerIdentity: () => undefined };
  switch (sslmode ?? (LOOPBACK.test(host) ? "disable" : "verify-full")) {
    case "disable":
      return false;
    case "allow":
    case "prefer":
    case "require":
      return { host, ...ca, ...anyHost, rejectUnauthorized: databaseCa !== undefined };
    case "verify-ca":
      return { host, ...ca, ...anyHost, rejectUnauthorized: true };
    case "verify-full":
      return { host, ...ca, rejectUnauthorized: true };
    default:
      throw new RegistryError(
        "invalid_argument",
        'Expected sslmode to be "disable", "require", "verify-ca" or "verify-full", or to be left out',
      );
  }
}

/** Connects, does the work, and closes what it opened. A client that the caller gave stays open. */
export async function withConnection<T>(
  target: DatabaseTarget | SqlTarget,
  work: (sql: postgres.Sql, host: string) => Promise<T>,
): Promise<T> {
  if ("sql" in target) {
    return await withRegistryErrors(target.sql, target.sql.options.host[0] ?? "the database", work);
  }
  await using database = openDatabase(target);
  return await withRegistryErrors(database.sql, database.host, work);
}

/** A database that whoever opened it closes, with `await using`. */
export interface OpenDatabase extends SqlTarget, AsyncDisposable {
  /** How a person recognises it. */
  readonly host: string;
}

/**
 * Opens a database for several operations, which then share one connection. It is made with the first of them.
 *
 * @throws {RegistryError} `invalid_argument`.
 *
 * @example Ask two things over one connection
 * ```ts
 * import { guardStatus, listIssuers, openDatabase } from "@countersign/registry-admin";
 * import { startLocalTarget } from "@countersign/local-target";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({ function: false });
 * await using database = openDatabase({ databaseUrl: target.databaseUrl });
 *
 * assert.equal((await guardStatus(database)).enabled, false);
 * assert.deepEqual(await listIssuers(database), []);
 * ```
 */
export function openDatabase(target: DatabaseTarget): OpenDatabase {
  const settings = connectionSettings(target);
  const sql = postgres({
    ...settings,
    max: 1,
    // The transaction pooler keeps no prepared statements.
    prepare: false,
    fetch_types: false,
    connect_timeout: CONNECT_TIMEOUT_S,
    onnotice: () => {},
    connection: { application_name: "countersign" },
  });
  return {
    sql,
    host: settings.host,
    [Symbol.asyncDispose]: () => sql.end({ timeout: CLOSE_TIMEOUT_S }),
  };
}

async function withRegistryErrors<T>(
  sql: postgres.Sql,
  host: string,
  work: (sql: postgres.Sql, host: string) => Promise<T>,
): Promise<T> {
  try {
    return await work(sql, host);
  } catch (error) {
    throw failedQuery(error, host);
  }
}
