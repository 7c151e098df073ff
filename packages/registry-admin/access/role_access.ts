import { withConnection } from "../store/connection.ts";
import type { Row } from "../store/registry_store.ts";
import { flag, nullable, text, texts } from "../store/rows.ts";
import type { DatabaseTarget, SqlTarget } from "../target.ts";

/** What a role may do with the rows of a relation. */
export type TableCommand = "SELECT" | "INSERT" | "UPDATE" | "DELETE";

/** A table or view of the operator's own that a role may use, or that a policy is meant to let it use. */
export interface RelationAccess {
  /** The role's name. */
  readonly role: string;
  /** The schema's name, as PostgREST is asked for it. */
  readonly schema: string;
  /** Quoted as in SQL, with its schema. */
  readonly relation: string;
  /** What kind of relation it is. */
  readonly kind: "table" | "view" | "materialized view" | "foreign table";
  /** What the role was granted, on the whole relation or on columns of it. */
  readonly granted: readonly TableCommand[];
  /** Whether Row Level Security is enabled. Of a view: whether it reads with the rights of the role that asks. */
  readonly rowSecurity: boolean;
  /** Permissive policies that apply to the role, each by its name and command (`ALL` or a {@linkcode TableCommand}). */
  readonly policies: readonly { readonly name: string; readonly command: string }[];
  /** Policies that apply to other roles only, each by its name and those roles. */
  readonly policiesForOthers: readonly { readonly name: string; readonly roles: string }[];
  /** Whether a policy names exactly this role. */
  readonly isMeant: boolean;
  /** Of a view that reads with its owner's rights: tables with Row Level Security whose policies it bypasses. */
  readonly bypassed: readonly string[];
  /** Sequences behind column defaults that the role may not use. */
  readonly missingSequences: readonly string[];
  /** What of the table calls `auth.uid()`, which fails for a `sub` that is not a UUID, without asking for the claims. */
  readonly callsUid: readonly string[];
}

const ACCESS = String.raw`
  with roles as (
    select r.oid, r.rolname from pg_roles r
    where r.rolname in (select jsonb_array_elements_text($1::text::jsonb))
  ), relations as (
    select c.oid, n.nspname, format('%I.%I', n.nspname, c.relname) as name, c.relkind, c.relowner,
      case
        when c.relkind = 'v' then coalesce('security_invoker=true' = any (c.reloptions) or 'security_invoker=on' = any (c.reloptions), false)
        else c.relrowsecurity
      end as row_security
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relpersistence <> 't'
      and n.nspname not in ('pg_catalog', 'information_schema', 'countersign', 'countersign_locks')
      and not (n.nspname = 'public' and c.relname ~ '^jwt_(issuer|public_key|registry|seal|oidc|federation)')
      -- An operator cannot change the platform's own relations, nor an extension's.
      and pg_has_role(c.relowner, 'MEMBER')
      and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
  ), privileges as (
    select r.oid as role, t.oid as relation, array(
      select command from unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) with ordinality as c(command, place)
      where has_schema_privilege(r.oid, (select relnamespace from pg_class where oid = t.oid), 'USAGE') and case command
        when 'DELETE' then has_table_privilege(r.oid, t.oid, 'DELETE')
        else has_any_column_privilege(r.oid, t.oid, command)
      end
      order by place
    ) as granted
    from roles r cross join relations t
  )
  select
    r.rolname as role, t.nspname as schema, t.name as relation,
    case t.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table' else 'table' end as kind,
    to_jsonb(p.granted) as granted,
    t.row_security,
    coalesce(
      (
        select jsonb_agg(jsonb_build_object('name', q.polname, 'command', case q.polcmd
          when 'r' then 'SELECT' when 'a' then 'INSERT' when 'w' then 'UPDATE' when 'd' then 'DELETE' else 'ALL' end) order by q.polname)
        from pg_policy q
        where q.polrelid = t.oid and q.polpermissive and exists (
          select from unnest(q.polroles) as named(oid)
          where named.oid = 0 or pg_has_role(r.oid, named.oid, 'USAGE')
        )
      ),
      '[]'
    ) as policies,
    coalesce(
      (
        select jsonb_agg(jsonb_build_object('name', q.polname, 'roles',
          (select string_agg(o.rolname, ', ' order by o.rolname) from pg_roles o where o.oid = any (q.polroles))) order by q.polname)
        from pg_policy q
        where q.polrelid = t.oid and q.polpermissive and not exists (
          select from unnest(q.polroles) as named(oid)
          where named.oid = 0 or pg_has_role(r.oid, named.oid, 'USAGE')
        )
      ),
      '[]'
    ) as policies_for_others,
    exists (select from pg_policy q where q.polrelid = t.oid and r.oid = any (q.polroles)) as is_meant,
    to_jsonb(array(
      select distinct format('%I.%I', n.nspname, b.relname)
      from pg_rewrite w
      join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid and d.refclassid = 'pg_class'::regclass
      join pg_class b on b.oid = d.refobjid and b.oid <> t.oid and b.relrowsecurity
      join pg_namespace n on n.oid = b.relnamespace
      join pg_roles o on o.oid = t.relowner
      where w.ev_class = t.oid and (t.relkind = 'm' or t.relkind = 'v' and not t.row_security)
        and (o.rolsuper or o.rolbypassrls or b.relowner = o.oid and not b.relforcerowsecurity)
      order by 1
    )) as bypassed,
    to_jsonb(array(
      select distinct s.oid::regclass::text
      from pg_attrdef a
      join pg_depend d on d.classid = 'pg_attrdef'::regclass and d.objid = a.oid and d.refclassid = 'pg_class'::regclass
      join pg_class s on s.oid = d.refobjid
      -- The function raises for anything else, in whichever order the conditions are asked.
      where a.adrelid = t.oid and case when s.relkind = 'S' then not has_sequence_privilege(r.oid, s.oid, 'USAGE') end
      order by 1
    )) as missing_sequences,
    to_jsonb(array(
      select format('the default of column %I', c.attname)
      from pg_attrdef a join pg_attribute c on c.attrelid = a.adrelid and c.attnum = a.adnum
      where a.adrelid = t.oid and pg_get_expr(a.adbin, a.adrelid) ~ '\muid\(\)'
        -- Who asks for the claims first has thought of it.
        and pg_get_expr(a.adbin, a.adrelid) !~ '\mclaims\(\)'
      union all
      select format('trigger %I', g.tgname)
      from pg_trigger g join pg_proc f on f.oid = g.tgfoid
      where g.tgrelid = t.oid and not g.tgisinternal and g.tgenabled <> 'D' and f.prosrc ~ '\mauth\.uid\(\)' and f.prosrc !~ '\mclaims\(\)'
      union all
      select format('policy %I', q.polname)
      from pg_policy q
      where q.polrelid = t.oid
        and concat(pg_get_expr(q.polqual, q.polrelid), pg_get_expr(q.polwithcheck, q.polrelid)) ~ '\muid\(\)'
        and concat(pg_get_expr(q.polqual, q.polrelid), pg_get_expr(q.polwithcheck, q.polrelid)) !~ '\mclaims\(\)'
        and exists (
          select from unnest(q.polroles) as named(oid) where named.oid = 0 or pg_has_role(r.oid, named.oid, 'USAGE')
        )
      order by 1
    )) as calls_uid
  from privileges p
  join roles r on r.oid = p.role
  join relations t on t.oid = p.relation
  where p.granted <> '{}' or exists (select from pg_policy q where q.polrelid = t.oid and r.oid = any (q.polroles))
  order by 1, 3
`;

const KINDS = ["table", "view", "materialized view", "foreign table"] as const;
const COMMANDS = ["SELECT", "INSERT", "UPDATE", "DELETE"] as const;

/**
 * Reads from the catalogs what roles may do on which of the operator's own tables and views, and which policies apply.
 *
 * **Does not** evaluate a policy: one that lets everything through looks like any other.
 *
 * @param target The database; this is not available over REST. Nothing is changed.
 * @param roles Their names. A role that does not exist has no access.
 * @returns By role, then by relation.
 * @throws {RegistryError} `not_authorized`, `unreachable`.
 *
 * @example See why a role cannot insert
 * ```ts
 * import { roleAccess } from "@countersign/registry-admin";
 * import { startLocalTarget } from "@countersign/local-target";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({
 *   function: false,
 *   sql: [
 *     "select countersign.create_writer_role('notes_writer')",
 *     "create table public.notes (text text)",
 *     "alter table public.notes enable row level security",
 *     "grant insert on public.notes to notes_writer",
 *   ],
 * });
 *
 * const [notes] = await roleAccess({ databaseUrl: target.databaseUrl }, ["notes_writer"]);
 * assert.deepEqual(notes?.granted, ["INSERT"]);
 * assert.deepEqual(notes?.policies, []);
 * ```
 */
export async function roleAccess(
  target: DatabaseTarget | SqlTarget,
  roles: readonly string[],
): Promise<RelationAccess[]> {
  const rows = await withConnection(
    target,
    (sql) =>
      sql.begin(
        "read only",
        (transaction) => transaction.unsafe<Row[]>(ACCESS, [JSON.stringify(roles)]),
      ),
  );
  return rows.map((row) => ({
    role: text(row, "role"),
    schema: text(row, "schema"),
    relation: text(row, "relation"),
    kind: KINDS.find((kind) => kind === row.kind) ?? "table",
    granted: COMMANDS.filter((command) => texts(row, "granted").includes(command)),
    rowSecurity: flag(row, "row_security"),
    policies: objects(row, "policies").map((policy) => ({
      name: text(policy, "name"),
      command: text(policy, "command"),
    })),
    policiesForOthers: objects(row, "policies_for_others").map((policy) => ({
      name: text(policy, "name"),
      roles: nullable(policy, "roles", text) ?? "nobody",
    })),
    isMeant: flag(row, "is_meant"),
    bypassed: texts(row, "bypassed"),
    missingSequences: texts(row, "missing_sequences"),
    callsUid: texts(row, "calls_uid"),
  }));
}

function objects(row: Row, column: string): Row[] {
  const value = row[column];
  return Array.isArray(value) ? value.map((item: unknown) => Object(item)) : [];
}
