import type { Sql } from "@countersign/postgres";

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

/** Where the registry is. Every operation behaves the same over each, with the same errors. */
export type RegistryTarget = RestTarget | DatabaseTarget | SqlTarget;
