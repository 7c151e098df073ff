import type { Sql } from "postgres";
import type { Registry } from "./store/registry_store.ts";
import { RestRegistry } from "./store/rest_store.ts";
import { withConnection } from "./store/connection.ts";
import { SqlRegistry } from "./store/sql_store.ts";

/** A target reached through its PostgREST. */
export interface RestTarget {
  /** The project's URL, `https://<ref>.supabase.co`. */
  readonly supabaseUrl: string;
  /** The legacy `service_role` key (a JWT), or an `sb_secret_…` key. */
  readonly serviceRoleKey: string;
  /** Used instead of the global `fetch`. */
  readonly fetch?: typeof fetch;
}

/** A target reached through its Postgres. */
export interface DatabaseTarget {
  /**
   * `postgres://user:password@host:port/database`. A connection that leaves the machine is encrypted and
   * its certificate checked, unless the URL's `sslmode` is `require` (encrypted only) or `disable`.
   */
  readonly databaseUrl: string;
  /** The certificate authority that signed the server's certificate, as PEM. Default: the system's. */
  readonly databaseCa?: string;
}

/** A target reached through a postgres.js client that the caller owns, and closes. */
export interface SqlTarget {
  /** From `postgres(url, { prepare: false })`. */
  readonly sql: Sql;
}

/** Where the registry is. Every operation does the same over each, with the same errors. */
export type RegistryTarget = RestTarget | DatabaseTarget | SqlTarget;

/**
 * Opens the registry, does the work, and closes what it opened.
 *
 * Over SQL the whole work is one transaction. PostgREST has one transaction a request, so over REST each
 * statement stands alone; operations are ordered so that one which fails half-way has given nobody anything
 * that was not asked for, and can be repeated.
 */
export async function withRegistry<T>(
  target: RegistryTarget,
  work: (registry: Registry) => Promise<T>,
): Promise<T> {
  if ("supabaseUrl" in target) return await work(new RestRegistry(target));
  return await withConnection(
    target,
    (sql, host) => sql.begin((transaction) => work(new SqlRegistry(transaction, host))),
  ) as T;
}
