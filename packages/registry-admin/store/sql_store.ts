import type { TransactionSql } from "@countersign/postgres";
import type {
  Columns,
  Condition,
  Query,
  RegistryStore,
  Relation,
  RotatedRows,
  RotationParameters,
  Row,
  RowChange,
} from "./registry_store.ts";
import { failedQuery } from "./database_error.ts";
import { rotatedRows } from "./rotation.ts";

const OPERATORS: Readonly<Record<Condition[1], (column: string, parameter: string) => string>> = {
  eq: (column, parameter) => `${column} = ${parameter}`,
  neq: (column, parameter) => `${column} <> ${parameter}`,
  lt: (column, parameter) => `${column} < ${parameter}`,
  ltOrNull: (column, parameter) => `(${column} is null or ${column} < ${parameter})`,
  gtOrNull: (column, parameter) => `(${column} is null or ${column} > ${parameter})`,
};

/**
 * The registry through a transaction of the target's Postgres.
 *
 * Rows go in through `jsonb_populate_record` and come out through `to_jsonb`, which is what PostgREST does, so
 * that Postgres coerces the same values in the same way whichever way they came.
 */
export class SqlStore implements RegistryStore {
  readonly host: string;
  readonly #transaction: TransactionSql;

  constructor(transaction: TransactionSql, host: string) {
    this.#transaction = transaction;
    this.host = host;
  }

  select(relation: Relation, query: Query = {}): Promise<Row[]> {
    const parameters: Parameter[] = [];
    const direction = query.descending === true ? "desc" : "asc";
    const columns = (query.order ?? []).map((column) => `t.${column} ${direction}`).join(", ");
    const order = columns === "" ? "" : ` order by ${columns}`;
    const where = whereClause(query.where ?? [], parameters);
    const limit = query.limit === undefined ? "" : ` limit $${parameters.push(query.limit)}`;
    return this.#rows(
      `select to_jsonb(t) as row from public.${relation} as t${where}${order}${limit}`,
      parameters,
    );
  }

  insert(relation: Relation, columns: Columns, key: string): Promise<Row[]> {
    const names = Object.keys(columns).join(", ");
    return this.#rows(
      `insert into public.${relation} as t (${names})
       select ${names} from pg_catalog.jsonb_populate_record(null::public.${relation}, $1::text::jsonb)
       on conflict (${key}) do nothing returning to_jsonb(t) as row`,
      [JSON.stringify(columns)],
    );
  }

  update(relation: Relation, columns: Columns, where: readonly Condition[]): Promise<Row[]> {
    const parameters: Parameter[] = [JSON.stringify(columns)];
    const assignments = Object.keys(columns).map((name) => `${name} = given.${name}`).join(", ");
    return this.#rows(
      `update public.${relation} as t set ${assignments}
       from pg_catalog.jsonb_populate_record(null::public.${relation}, $1::text::jsonb) as given${
        whereClause(where, parameters)
      } returning to_jsonb(t) as row`,
      parameters,
    );
  }

  remove(relation: Relation, where: readonly Condition[]): Promise<Row[]> {
    const parameters: Parameter[] = [];
    return this.#rows(
      `delete from public.${relation} as t${
        whereClause(where, parameters)
      } returning to_jsonb(t) as row`,
      parameters,
    );
  }

  async applyChanges(changes: readonly RowChange[], expectedRevision: string): Promise<void> {
    await this.#query(
      "select public.jwt_apply_plan($1::text::jsonb, $2)",
      [JSON.stringify(changes), expectedRevision],
    );
  }

  readonly setGuard = async (enabled: boolean): Promise<void> => {
    await this.#query(`select countersign.guard_${enabled ? "enable" : "disable"}()`);
  };

  async rotateKey(parameters: RotationParameters): Promise<RotatedRows> {
    const { issuer, public_key, algorithm, retire_at, at } = parameters;
    const [row] = await this.#rows(
      "select public.jwt_rotate_key($1, $2, $3, $4::text::timestamptz, $5::text::timestamptz) as row",
      [issuer, public_key, algorithm, retire_at, at],
    );
    return rotatedRows(row, this.host);
  }

  async #rows(text: string, parameters: Parameter[]): Promise<Row[]> {
    return (await this.#query<{ row: Row }>(text, parameters)).map(({ row }) => row);
  }

  async #query<R extends object>(text: string, parameters: Parameter[] = []): Promise<R[]> {
    try {
      return await this.#transaction.unsafe<R[]>(text, parameters);
    } catch (error) {
      throw failedQuery(error, this.host);
    }
  }
}

type Parameter = string | number | boolean;

function whereClause(where: readonly Condition[], parameters: Parameter[]): string {
  if (where.length === 0) return "";
  const conditions = where.map(([column, operator, value]) =>
    OPERATORS[operator](`t.${column}`, `$${parameters.push(value)}`)
  );
  return ` where ${conditions.join(" and ")}`;
}
