import { withConnection } from "../store/connection.ts";
import type { Sql } from "@countersign/postgres";
import { RegistryError } from "../errors.ts";
import type { DatabaseTarget, SqlTarget } from "../target.ts";

/** A request of an issuer, to be tried in the database. */
export interface Attempt {
  /** The role that its token claims. */
  readonly role: string;
  /** The claims of its token, `iss` and `sub` at least. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** `schema.table`, or a table of `public`; as PostgREST is asked for it, not quoted. */
  readonly table: string;
  /** What the request does. */
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Columns of the row to insert, or of the change. Default: none, so every column takes its default. */
  readonly body?: Readonly<Record<string, unknown>>;
}

/** What came of an attempt. */
export interface AttemptResult {
  /** Rows that the request would have read or changed. */
  readonly rows: number;
  /** Postgres's refusal, if there was one. */
  readonly refusal?: { readonly sqlstate: string; readonly message: string };
}

class RolledBack extends Error {
  constructor(readonly rows: number) {
    super();
  }
}

/** Rows that a GET is counted to; more make no difference. */
const MOST_ROWS = 1_000;

/**
 * Does what PostgREST would do for a request of an issuer, with its role and claims, in a transaction that is rolled
 * back.
 *
 * **Does not** run the guard, nor judge the issuer's policy: the claims are taken as given, and sealed. What a trigger does outside
 * of the database is not undone.
 *
 * @param target The database, as a role that may assume the issuer's; this is not available over REST.
 * @param attempt What to try.
 * @returns How many rows it would have touched, or why Postgres refuses.
 * @throws {RegistryError} `invalid_argument`: no such table; `not_authorized`, `unreachable`.
 *
 * @example See that a table cannot be written
 * ```ts
 * import { attempt } from "@countersign/registry-admin";
 * import { startLocalTarget } from "@countersign/local-target";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({
 *   function: false,
 *   sql: ["select countersign.create_writer_role('notes_writer')", "create table public.notes (text text)"],
 * });
 *
 * const { refusal } = await attempt({ databaseUrl: target.databaseUrl }, {
 *   role: "notes_writer",
 *   claims: { iss: "billing", sub: "job-1" },
 *   table: "notes",
 *   method: "POST",
 * });
 * assert.equal(refusal?.message, "permission denied for table notes");
 * ```
 */
export async function attempt(
  target: DatabaseTarget | SqlTarget,
  { role, claims, table, method, body = {} }: Attempt,
): Promise<AttemptResult> {
  return await withConnection(target, async (sql) => {
    const sealed = await canSeal(sql) ? SEALED : "$1";
    const statement = statementOf(method, await quotedTable(sql, table), Object.keys(body));
    try {
      return await sql.begin(async (transaction) => {
        await transaction.unsafe(
          `select set_config('request.jwt.claims', ${sealed}, true), set_config('request.method', $2, true),
             set_config('statement_timeout', '5s', true), set_config('lock_timeout', '2s', true)`,
          [JSON.stringify({ ...claims, role }), method],
        );
        await transaction.unsafe(`set local role ${quoted(role)}`);
        const parameters = statement.includes("$1") ? [JSON.stringify(body)] : [];
        const { count } = await transaction.unsafe(statement, parameters);
        throw new RolledBack(count);
      });
    } catch (error) {
      if (error instanceof RolledBack) return { rows: error.rows };
      const sqlstate = error instanceof Error && error.name === "PostgresError"
        ? Reflect.get(error, "code")
        : undefined;
      if (typeof sqlstate !== "string" || !(error instanceof Error)) throw error;
      return { rows: 0, refusal: { sqlstate, message: error.message } };
    }
  });
}

/** The claims with the seal that the proxy gives them, so that policies which ask for it judge as they would. */
const SEALED = `(
  select jsonb_set(
    c.claims, '{countersign,seal}',
    to_jsonb(k.id || '.' || translate(encode(
      sha256(k.outer_pad || sha256(k.inner_pad || convert_to(c.claims::text, 'UTF8'))), 'base64'
    ), '+/=' || E'\\n', '-_'))
  )::text
  from countersign.seal_keys k, (select $1::text::jsonb as claims) c
  where k.accepted_until is null or k.accepted_until > clock_timestamp()
  order by k.created_at desc
  limit 1
)`;

/** Whether the seal's keys may be read here: by the registry's owner, and by no one else. */
async function canSeal(sql: Sql): Promise<boolean> {
  const [row] = await sql.unsafe<{ may: boolean | null }[]>(
    "select has_table_privilege(to_regclass('countersign.seal_keys'), 'SELECT') as may",
  );
  return row?.may === true;
}

/** PostgREST returns what it writes only if it is asked to, so nothing here needs the privilege to read. */
function statementOf(
  method: Attempt["method"],
  table: string,
  names: readonly string[],
): string {
  const columns = names.map(quoted);
  const given = `jsonb_populate_record(null::${table}, $1::text::jsonb) as given`;
  switch (method) {
    case "GET":
      return `select from ${table} limit ${MOST_ROWS}`;
    case "POST":
      return columns.length === 0
        ? `insert into ${table} default values`
        : `insert into ${table} (${columns}) select ${columns} from ${given}`;
    case "PATCH":
      return `update ${table} set ${
        columns.map((column) => `${column} = given.${column}`)
      } from ${given} where true`;
    case "DELETE":
      // Supabase refuses a DELETE without a WHERE.
      return `delete from ${table} where true`;
  }
}

async function quotedTable(sql: Sql, table: string): Promise<string> {
  const dot = table.indexOf(".");
  const [schema, name] = dot < 0 ? ["public", table] : [table.slice(0, dot), table.slice(dot + 1)];
  const [found] = await sql.unsafe<{ name: string }[]>(
    `select format('%I.%I', n.nspname, c.relname) as name
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p', 'v', 'm', 'f')`,
    [schema ?? "", name ?? ""],
  );
  if (found === undefined) {
    throw new RegistryError(
      "invalid_argument",
      `Expected a table or view such as "notes" or "public.notes", found no "${table}"`,
    );
  }
  return found.name;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
