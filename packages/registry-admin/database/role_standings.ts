import { withConnection } from "../store/connection.ts";
import type { Row } from "../store/registry_store.ts";
import { flag, nullable, text, texts } from "../store/rows.ts";
import type { DatabaseTarget, SqlTarget } from "../target.ts";

/** What a role that issuers may claim can do at this moment. */
export interface RoleStanding {
  /** Its name. */
  readonly role: string;
  /** Why the database would not let an issuer have it, in words that follow its name; `null`: it may be had. */
  readonly refusal: string | null;
  /** Whether it inherits from `authenticated`: policies `TO authenticated` apply to it only then. */
  readonly isAuthenticated: boolean;
  /** Tables of the operator's own that it may read or write and that have no row level security, quoted as in SQL. */
  readonly unprotectedTables: readonly string[];
}

const STANDINGS = `
  select
    wanted.name as role,
    countersign.role_refusal(wanted.name) as refusal,
    coalesce(pg_has_role(r.oid, (select a.oid from pg_roles a where a.rolname = 'authenticated'), 'USAGE'), false)
      as is_authenticated,
    to_jsonb(array(
      select format('%I.%I', n.nspname, c.relname)
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p') and c.relpersistence <> 't' and not c.relrowsecurity
        and n.nspname not in ('pg_catalog', 'information_schema')
        -- An operator cannot change the platform's own tables.
        and pg_has_role(c.relowner, 'MEMBER')
        and has_schema_privilege(r.oid, n.oid, 'USAGE')
        and (
          has_any_column_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE')
          or has_table_privilege(r.oid, c.oid, 'DELETE, TRUNCATE')
        )
      order by 1
    )) as unprotected_tables
  from jsonb_array_elements_text($1::text::jsonb) as wanted(name)
  left join pg_roles r on r.rolname = wanted.name
  order by 1
`;

/**
 * Says of roles what the database makes of them now, whatever it said when they were given to an issuer.
 *
 * **Does not** read row level security policies: a policy that lets everything through looks as good as any other. Views
 * are not looked at either; one that is not `security_invoker` has its owner's rights.
 *
 * @param target The database; over REST this can't be done. It changes nothing there.
 * @param roles Their names; one that does not exist is refused as such.
 * @throws {RegistryError} `not_authorized`, `schema_missing`, `unreachable`.
 *
 * @example See what a role may touch
 * ```ts
 * import { roleStandings } from "@countersign/registry-admin";
 * import { startLocalTarget } from "@countersign/local-target";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({
 *   function: false,
 *   sql: [
 *     "select countersign.create_writer_role('notes_writer')",
 *     "create table public.notes (text text); grant insert on public.notes to notes_writer",
 *   ],
 * });
 *
 * assert.deepEqual(await roleStandings({ databaseUrl: target.databaseUrl }, ["notes_writer"]), [{
 *   role: "notes_writer",
 *   refusal: null,
 *   isAuthenticated: true,
 *   unprotectedTables: ["public.notes"],
 * }]);
 * ```
 */
export async function roleStandings(
  target: DatabaseTarget | SqlTarget,
  roles: readonly string[],
): Promise<RoleStanding[]> {
  const rows = await withConnection(
    target,
    (sql) =>
      sql.begin(
        "read only",
        (transaction) => transaction.unsafe<Row[]>(STANDINGS, [JSON.stringify(roles)]),
      ),
  );
  return rows.map((row) => ({
    role: text(row, "role"),
    refusal: nullable(row, "refusal", text),
    isAuthenticated: flag(row, "is_authenticated"),
    unprotectedTables: texts(row, "unprotected_tables"),
  }));
}
