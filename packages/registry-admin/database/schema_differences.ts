import { withConnection } from "../store/connection.ts";
import type { Row } from "../store/registry_store.ts";
import { flag, text } from "../store/rows.ts";
import { schemaObjects } from "./schema_objects.ts";
import type { DatabaseTarget, SqlTarget } from "../target.ts";

/** An object of the registry's schema that is not as this version's migrations make it. */
export interface SchemaDifference {
  /** What it is and what it is called, like `function countersign.spki`. */
  readonly object: string;
  /** Whether it is not there at all (or a trigger is disabled), or is another than it should be. */
  readonly found: "missing" | "different";
}

// A checkout with CRLF line ends gives functions and comments that differ in nothing else.
const DIFFERENCES = String.raw`
  with expected as (
    select * from jsonb_to_recordset($1::text::jsonb) as e(kind text, name text, body text, comment text)
  ), present as (
    select 'schema' as kind, n.nspname::text as name, null::text as body, obj_description(n.oid, 'pg_namespace') as comment
    from pg_namespace n
    union all
    select
      case c.relkind when 'r' then 'table' when 'v' then 'view' when 'S' then 'sequence' when 'i' then 'index' end,
      n.nspname || '.' || c.relname, null, obj_description(c.oid, 'pg_class')
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    union all
    select 'column', n.nspname || '.' || c.relname || '.' || a.attname, null, col_description(c.oid, a.attnum)
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('public', 'countersign') and a.attnum > 0 and not a.attisdropped
    union all
    select 'function', n.nspname || '.' || p.proname, p.prosrc, obj_description(p.oid, 'pg_proc')
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    union all
    select 'trigger', t.tgname || ' on ' || n.nspname || '.' || c.relname, null, null
    from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
    where t.tgenabled <> 'D'
  )
  select e.kind || ' ' || e.name as object, coalesce(bool_or(p.name is not null), false) as present
  from expected e
  left join present p on p.kind = e.kind and p.name = e.name
  group by e.kind, e.name
  having not bool_or(
    p.name is not null
    and (e.body is null or replace(p.body, E'\r', '') = e.body)
    and (e.comment is null or replace(p.comment, E'\r', '') is not distinct from e.comment)
  )
  order by 1
`;

/**
 * Compares the registry's schema with what this version's migrations make: that every object is there, and that functions
 * and comments are the same.
 *
 * **Does not** see a difference inside a view, or inside a function that Postgres keeps parsed, unless its comment tells,
 * nor a changed grant.
 *
 * @param target The database; over REST this can't be done. It changes nothing there.
 * @returns Every object that differs; none if the schema is this version's.
 * @throws {RegistryError} `not_authorized`, `unreachable`.
 *
 * @example Tell whether the migrations were applied
 * ```ts
 * import { applyMigrations, schemaDifferences } from "@countersign/registry-admin";
 * import { startLocalTarget } from "@countersign/local-target";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({ function: false, migrations: false });
 * const { databaseUrl } = target;
 * assert.notEqual((await schemaDifferences({ databaseUrl })).length, 0);
 *
 * await applyMigrations(databaseUrl);
 * assert.deepEqual(await schemaDifferences({ databaseUrl }), []);
 * ```
 */
export async function schemaDifferences(
  target: DatabaseTarget | SqlTarget,
): Promise<SchemaDifference[]> {
  const rows = await withConnection(
    target,
    (sql) =>
      sql.begin(
        "read only",
        (transaction) => transaction.unsafe<Row[]>(DIFFERENCES, [JSON.stringify(schemaObjects())]),
      ),
  );
  return rows.map((row) => ({
    object: text(row, "object"),
    found: flag(row, "present") ? "different" : "missing",
  }));
}
