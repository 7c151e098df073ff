import type { Sql } from "@countersign/postgres";

/** What goes with every change that is made through a target. */
export interface ChangeOptions {
  /** Why, for the audit log: 1 to 500 visible characters. */
  readonly reason?: string;
  /**
   * Called with every row that would be written, instead of writing it. The database is not asked whether it would
   * take the row.
   */
  readonly dryRun?: (row: PlannedRow) => void;
}

/** A row that would be written. */
export interface PlannedRow {
  /** What would be done. */
  readonly operation: "INSERT" | "UPDATE" | "DELETE";
  /** `jwt_issuers`, `jwt_public_keys`, `jwt_oidc_providers`, `jwt_federation_rules` or `jwt_revoked_provider_keys`. */
  readonly table: string;
  /** Whose row it is: an issuer, or a provider. */
  readonly issuer: string;
  /** The key, if the row is a key's. */
  readonly kid: string | null;
  /** The rule's name, if the row is a rule's. */
  readonly name: string | null;
  /** The row as it is; `null` for an insertion. */
  readonly before: Readonly<Record<string, unknown>> | null;
  /** The row as it would be; as it is, for a deletion. */
  readonly after: Readonly<Record<string, unknown>>;
  /** Columns that would differ. */
  readonly changed: readonly string[];
}

/** A target reached through its PostgREST. */
export interface RestTarget extends ChangeOptions {
  /** The project's URL, `https://<ref>.supabase.co`. */
  readonly supabaseUrl: string;
  /** The legacy `service_role` key (a JWT), or an `sb_secret_…` key. */
  readonly serviceRoleKey: string;
  /** Used instead of the global `fetch`. */
  readonly fetch?: typeof fetch;
}

/** A target reached through its Postgres. */
export interface DatabaseTarget extends ChangeOptions {
  /**
   * `postgres://user:password@host:port/database`. A connection that leaves the machine is encrypted and
   * its certificate checked, unless the URL's `sslmode` is `require` (encrypted only) or `disable`.
   */
  readonly databaseUrl: string;
  /** The certificate authority that signed the server's certificate, as PEM. Default: the system's. */
  readonly databaseCa?: string;
}

/** A target reached through a postgres.js client that the caller owns, and closes. */
export interface SqlTarget extends ChangeOptions {
  /** From `postgres(url, { prepare: false })`. */
  readonly sql: Sql;
}

/** Where the registry is. Every operation behaves the same over each, with the same errors. */
export type RegistryTarget = RestTarget | DatabaseTarget | SqlTarget;
