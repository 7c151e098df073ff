/** The tables and views that the operations read and write, all in the schema `public`. */
export type Relation =
  | "jwt_issuers"
  | "jwt_public_keys"
  | "jwt_oidc_providers"
  | "jwt_federation_rules"
  | "jwt_revoked_provider_keys"
  | "jwt_registry_audit"
  | "jwt_issuer_policies"
  | "jwt_federation_policies"
  | "jwt_registry_holders"
  | "jwt_registry_version";

/** What a column can be given. Times go in as ISO 8601, intervals as Postgres reads them, JSON as it is. */
export type ColumnValue =
  | string
  | number
  | boolean
  | null
  | readonly string[]
  | Readonly<Record<string, unknown>>;

/** Columns and what to set them to. Names come from our own code, never from a caller. */
export type Columns = Readonly<Record<string, ColumnValue>>;

/** A row as JSON, in the form that PostgREST gives it. */
export type Row = Readonly<Record<string, unknown>>;

/** A condition on a column; several are joined by AND. */
export type Condition = readonly [
  column: string,
  operator: "eq" | "neq" | "lt" | "ltOrNull" | "gtOrNull",
  value: string | number | boolean,
];

/** What to read. */
export interface Query {
  readonly where?: readonly Condition[];
  /** The columns to sort by, ascending unless `descending`. */
  readonly order?: readonly string[];
  readonly descending?: boolean;
  readonly limit?: number;
}

/** A row to insert, or the columns to set where the table's key has a value. */
export type RowChange =
  | { readonly table: string; readonly insert: Columns }
  | { readonly table: string; readonly key: string; readonly update: Columns };

/** What `public.jwt_rotate_key` takes. Times are ISO 8601. */
export interface RotationParameters {
  readonly issuer: string;
  readonly public_key: string;
  readonly algorithm: string;
  /** When the old keys end. */
  readonly retire_at: string;
  /** The moment of the rotation. Keys that begin later are left alone. */
  readonly at: string;
}

/** What `public.jwt_rotate_key` returns: rows of `jwt_public_keys`. */
export interface RotatedRows {
  readonly key: Row;
  readonly retiring: readonly Row[];
}

/**
 * The port that every operation stands on: a few statements, each atomic by itself.
 *
 * Two things implement it, `rest_store.ts` and `sql_store.ts`. Values are coerced by Postgres from
 * JSON in both, and rows come back as Postgres writes them in JSON, so both give the same results. Both reject
 * with a `RegistryError` and with nothing else.
 */
export interface RegistryStore {
  /** How a person recognises the target: a host name. */
  readonly host: string;
  /** Reads every row that fits, however few the target gives at a time. */
  select(relation: Relation, query?: Query): Promise<Row[]>;
  /** Inserts. An existing row stays unchanged, and nothing is returned for it. */
  insert(relation: Relation, columns: Columns, key: string): Promise<Row[]>;
  /**
   * Sets columns where all conditions hold. Returns what was set, but not rows that met a condition with `OrNull`
   * only before: PostgREST asks those again afterwards, so over REST they are missing.
   */
  update(relation: Relation, columns: Columns, where: readonly Condition[]): Promise<Row[]>;
  /** Deletes where all conditions hold, and returns what was deleted. */
  remove(relation: Relation, where: readonly Condition[]): Promise<Row[]>;
  /** Writes all of the rows or none, if the registry still is at this revision. */
  applyChanges(changes: readonly RowChange[], expectedRevision: string): Promise<void>;
  /** Turns the guard on or off, in the same transaction as everything else. `null` over REST, which cannot. */
  readonly setGuard: ((enabled: boolean) => Promise<void>) | null;
  /** Rotates a key in one statement, with the parameters of `public.jwt_rotate_key`. */
  rotateKey(parameters: RotationParameters): Promise<RotatedRows>;
}

/** The row with this key, if there is one. */
export async function findRow(
  registry: RegistryStore,
  relation: Relation,
  column: string,
  value: string,
): Promise<Row | undefined> {
  const [row] = await registry.select(relation, { where: [[column, "eq", value]], limit: 1 });
  return row;
}
