import { keyId } from "@countersign/verifier";
import type { PlannedRow } from "../target.ts";
import type {
  Columns,
  Condition,
  Query,
  RegistryStore,
  Relation,
  RotatedRows,
  RotationParameters,
  Row,
} from "./registry_store.ts";

const KEYS: Partial<Record<Relation, readonly string[]>> = {
  jwt_issuers: ["issuer"],
  jwt_public_keys: ["kid"],
  jwt_oidc_providers: ["issuer"],
  jwt_federation_rules: ["name"],
  jwt_revoked_provider_keys: ["provider", "kid"],
};

/** What the database fills in for a new row. */
const DEFAULTS: Partial<Record<Relation, Row>> = {
  jwt_issuers: {
    is_active: true,
    allowed_roles: [],
    default_role: null,
    allowed_subjects: null,
    allow_user_subjects: false,
    allowed_claims: null,
    audiences: null,
    max_token_lifetime: "00:05:00",
    max_exchange_lifetime: null,
    reject_issued_before: null,
    single_use: false,
    mode: "enforce",
    description: null,
  },
  jwt_public_keys: { is_active: true, not_before: null, not_after: null },
  jwt_oidc_providers: {
    is_active: true,
    keys_from: "discovery",
    jwks_uri: null,
    jwks: null,
    algorithms: ["RS256"],
    allow_private: false,
    description: null,
  },
  jwt_federation_rules: {
    is_active: true,
    claims: {},
    role: null,
    max_token_lifetime: "01:00:00",
    mode: "enforce",
    description: null,
  },
};

/**
 * A registry that is read and not written: what an operation would write is reported, and read back by the operation.
 *
 * **Does not** ask the database whether it would take the rows: its constraints, and which roles it refuses, apply when
 * they are written.
 */
export class DryRunStore implements RegistryStore {
  readonly host: string;
  readonly setGuard = null;
  readonly #store: RegistryStore;
  readonly #report: (row: PlannedRow) => void;
  readonly #written = new Map<string, Row>();

  constructor(store: RegistryStore, report: (row: PlannedRow) => void) {
    this.host = store.host;
    this.#store = store;
    this.#report = report;
  }

  async select(relation: Relation, query: Query = {}): Promise<Row[]> {
    const rows = await this.#store.select(relation, query);
    if (KEYS[relation] === undefined) return rows;
    const read = new Set(rows.map((row) => idOf(relation, row)));
    const added = Array.from(this.#written).flatMap(([id, row]) =>
      id === idOf(relation, row) && !read.has(id) && fits(row, query.where) ? [row] : []
    );
    return [...rows.map((row) => this.#written.get(idOf(relation, row)) ?? row), ...added];
  }

  async insert(relation: Relation, columns: Columns, key: string): Promise<Row[]> {
    const kid = typeof columns.public_key === "string"
      ? { kid: await keyId(columns.public_key) }
      : {};
    const now = new Date().toISOString();
    const row = { ...DEFAULTS[relation], created_at: now, updated_at: now, ...columns, ...kid };
    const where = key.split(",").map((column): Condition => [
      column,
      "eq",
      String(Reflect.get(row, column)),
    ]);
    const known = await this.select(relation, { where });
    if (known.length > 0) return [];
    if (relation === "jwt_public_keys" && typeof columns.issuer === "string") {
      // As the database does: a key makes its issuer appear.
      await this.insert("jwt_issuers", { issuer: columns.issuer }, "issuer");
    }
    this.#write(relation, null, row);
    return [row];
  }

  async remove(relation: Relation, where: readonly Condition[]): Promise<Row[]> {
    const rows = await this.select(relation, { where });
    for (const row of rows) this.#tell("DELETE", relation, row, row, Object.keys(row));
    return rows;
  }

  async update(
    relation: Relation,
    columns: Columns,
    where: readonly Condition[],
  ): Promise<Row[]> {
    const rows = await this.select(relation, { where });
    return rows.map((row) => {
      const after = { ...row, ...columns };
      this.#write(relation, row, after);
      return after;
    });
  }

  async rotateKey(parameters: RotationParameters): Promise<RotatedRows> {
    const { issuer, public_key, algorithm, at, retire_at } = parameters;
    const kid = await keyId(public_key);
    const of: Condition = ["issuer", "eq", issuer];
    await this.insert("jwt_public_keys", { issuer, public_key, algorithm }, "kid");
    const [key = {}] = await this.update("jwt_public_keys", { not_before: null, not_after: null }, [
      of,
      ["kid", "eq", kid],
    ]);
    const others = await this.select("jwt_public_keys", { where: [of, ["is_active", "eq", true]] });
    const ending = others.filter((row) =>
      row.kid !== kid && !isAfter(row.not_before, at) &&
      (row.not_after === null || isAfter(row.not_after, retire_at))
    );
    const retiring = await Promise.all(
      ending.map((row) =>
        this.update("jwt_public_keys", { not_after: retire_at }, [["kid", "eq", String(row.kid)]])
      ),
    );
    return { key, retiring: retiring.flat() };
  }

  applyChanges(): Promise<void> {
    throw new TypeError("Expected a plan of a declaration to be made, and not applied");
  }

  #write(relation: Relation, before: Row | null, after: Row): void {
    this.#written.set(idOf(relation, after), after);
    const changed = Object.keys(after).filter((column) =>
      before === null || !same(before[column], after[column])
    );
    if (changed.length === 0) return;
    this.#tell(before === null ? "INSERT" : "UPDATE", relation, before, after, changed);
  }

  #tell(
    operation: PlannedRow["operation"],
    table: Relation,
    before: Row | null,
    after: Row,
    changed: readonly string[],
  ): void {
    this.#report({
      operation,
      table,
      issuer: String(after.issuer ?? after.provider),
      kid: after.kid === undefined ? null : String(after.kid),
      name: after.name === undefined ? null : String(after.name),
      before,
      after,
      changed,
    });
  }
}

function idOf(relation: Relation, row: Row): string {
  return JSON.stringify([relation, ...(KEYS[relation] ?? []).map((column) => row[column])]);
}

/** As the database would judge a row that it has not. */
function fits(row: Row, where: readonly Condition[] = []): boolean {
  return where.every(([column, operator, value]) => {
    const found = row[column];
    const isNull = found === null || found === undefined;
    switch (operator) {
      case "eq":
        return found === value;
      case "neq":
        return !isNull && found !== value;
      case "lt":
        return !isNull && !isAfter(found, String(value));
      case "ltOrNull":
        return isNull || !isAfter(found, String(value));
      case "gtOrNull":
        return isNull || isAfter(found, String(value));
    }
  });
}

function isAfter(instant: unknown, other: string): boolean {
  return typeof instant === "string" && Date.parse(instant) > Date.parse(other);
}

/** Postgres prints times and intervals otherwise than we write them. */
function same(a: unknown, b: unknown): boolean {
  if (typeof a !== "string" || typeof b !== "string") {
    return JSON.stringify(a) === JSON.stringify(b);
  }
  const [one, two] = [Date.parse(a), Date.parse(b)];
  const isTime = /^\d{4}-\d\d-\d\dT/.test(a) && !Number.isNaN(one) && !Number.isNaN(two);
  return a === b || isTime && one === two ||
    secondsOf(a) !== undefined && secondsOf(a) === secondsOf(b);
}

function secondsOf(interval: string): number | undefined {
  const [, hours, minutes, seconds] = /^(\d+):(\d\d):(\d\d)$/.exec(interval) ?? [];
  if (hours !== undefined) return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  const [, written] = /^(\d+) seconds$/.exec(interval) ?? [];
  return written === undefined ? undefined : Number(written);
}
