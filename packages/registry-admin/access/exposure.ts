import { withConnection } from "../store/connection.ts";
import type { Row } from "../store/registry_store.ts";
import { nullable, number, text, texts } from "../store/rows.ts";
import type { DatabaseTarget, SqlTarget } from "../target.ts";

/** What lies open beside tables, and what PostgREST is told by the database. */
export interface Exposure {
  /** Functions with their owner's rights, in a schema that PostgREST may serve, that bypass policies and may be called. */
  readonly definerFunctions: readonly {
    /** With its argument types, quoted as in SQL. */
    readonly function: string;
    /** Of the roles that were asked about, those that may call it. */
    readonly roles: readonly string[];
    /** Whether its text reads who asks from `auth.uid()` or the request's claims. */
    readonly readsClaims: boolean;
  }[];
  /** Privileges on the registry of roles that should have none, like `anon may SELECT public.jwt_issuers`. */
  readonly registryGrants: readonly string[];
  /** Privileges on the registry that `service_role` lacks. */
  readonly serviceRoleLacks: readonly string[];
  /** Tables of the registry whose Row Level Security is off, or not forced. */
  readonly registryUnprotected: readonly string[];
  /** Whether the database accepts a key of the seal. Without one every token of the proxy is refused. */
  readonly hasSealKey: boolean;
  /** Roles whose statements are ended after less than a second, as `role: setting`. */
  readonly shortTimeouts: readonly string[];
  /** Roles that may not run the guard, so that PostgREST refuses their every request while it is on. */
  readonly guardDenied: readonly string[];
  /** PostgREST's settings in the database, without the prefix `pgrst.`. */
  readonly postgrest: Readonly<Record<string, string>>;
  /** Who owns the registry, if the role that asks may not change what that owner has. */
  readonly foreignOwner: string | null;
  /** Sessions idle in a transaction of more than three seconds that hold locks on the registry. */
  readonly holders: readonly {
    readonly pid: number;
    readonly user: string;
    readonly query: string;
  }[];
  /** Functions with their owner's rights that look at who asks, and that `countersign_reader` may call with any claims. */
  readonly readerFunctions: readonly string[];
  /** Whether the role of the least-privileged proxy, `countersign_reader`, may log in. */
  readonly readerLogsIn: boolean;
}

const EXPOSURE = String.raw`
  with roles as (
    select r.oid, r.rolname from pg_roles r
    where r.rolname in (select jsonb_array_elements_text($1::text::jsonb))
  ), settings as (
    select distinct on (name) lower(split_part(c.setting, '=', 1)) as name, substr(c.setting, strpos(c.setting, '=') + 1) as value
    from pg_db_role_setting s
    cross join lateral unnest(s.setconfig) as c(setting)
    cross join lateral (select lower(split_part(c.setting, '=', 1)) as name) as n
    where s.setrole = (select oid from pg_roles where rolname = 'authenticator')
      and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
      and lower(c.setting) like 'pgrst.%'
    order by name, s.setdatabase desc
  ), registry as (
    select c.oid, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'v') and (
      n.nspname = 'countersign'
      or n.nspname = 'public' and c.relname ~ '^jwt_(issuers|public_keys|registry_audit|issuer_policies|seal_keys|oidc_providers|federation_rules)$'
    )
  ), guard as (
    select p.oid from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'countersign' and p.proname = 'check_request'
  )
  select
    coalesce((
      select jsonb_agg(jsonb_build_object('function', f.oid::regprocedure::text, 'roles', f.roles, 'reads_claims', f.reads_claims) order by f.oid::regprocedure::text)
      from (
        select p.oid, p.prosrc ~ '\m(uid|jwt|claims|issuer|is_issuer|subject|has_role|current_setting)\(' as reads_claims,
          to_jsonb(array(
            select r.rolname from roles r
            where has_function_privilege(r.oid, p.oid, 'EXECUTE') and has_schema_privilege(r.oid, p.pronamespace, 'USAGE')
            order by 1
          )) as roles
        from pg_proc p
        join pg_namespace n on n.oid = p.pronamespace
        join pg_roles o on o.oid = p.proowner
        where p.prosecdef and p.prokind in ('f', 'p') and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
          and (n.nspname = 'public' or n.nspname = any (string_to_array(replace(coalesce((select value from settings where name = 'pgrst.db_schemas'), ''), ' ', ''), ',')))
          and n.nspname <> 'countersign' and p.proname !~ '^jwt_' and pg_has_role(p.proowner, 'MEMBER')
          and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
      ) f
      where f.roles <> '[]'
    ), '[]') as definer_functions,
    to_jsonb(array(
      select format('%s may %s %s', r.rolname, string_agg(p.privilege, ', ' order by p.privilege), t.oid::regclass)
      from registry t
      cross join pg_roles r
      cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) as p(privilege)
      where r.rolname in ('anon', 'authenticated') and has_table_privilege(r.oid, t.oid, p.privilege)
      group by r.rolname, t.oid
      order by 1
    )) as registry_grants,
    to_jsonb(array(
      select format('%s on %s', p.privilege, t.oid::regclass)
      from registry t
      cross join unnest(array['SELECT', 'INSERT', 'UPDATE']) as p(privilege)
      where exists (select from pg_roles where rolname = 'service_role')
        and (t.relname in ('jwt_issuers', 'jwt_public_keys', 'jwt_oidc_providers', 'jwt_federation_rules', 'jwt_revoked_provider_keys')
          or t.relname in ('jwt_registry_audit', 'jwt_issuer_policies', 'jwt_federation_policies') and p.privilege = 'SELECT')
          -- A revoked key is inserted or deleted, and its row is not changed.
          and (t.relname <> 'jwt_revoked_provider_keys' or p.privilege <> 'UPDATE')
        and not has_any_column_privilege('service_role', t.oid, p.privilege)
      order by 1
    )) as service_role_lacks,
    to_jsonb(array(
      select t.oid::regclass::text from registry t join pg_class c on c.oid = t.oid
      where t.relname in ('jwt_issuers', 'jwt_public_keys', 'jwt_registry_audit')
        and c.relkind = 'r' and not (c.relrowsecurity and c.relforcerowsecurity)
      order by 1
    )) as registry_unprotected,
    to_jsonb(array(
      select r.rolname || ': ' || c.setting
      from pg_roles r cross join lateral unnest(r.rolconfig) as c(setting)
      where (r.oid in (select oid from roles) or r.rolname = 'authenticator')
        and c.setting ~ '^statement_timeout=([1-9][0-9]{0,2}(ms)?)$'
      order by 1
    )) as short_timeouts,
    to_jsonb(array(
      select r.rolname from pg_roles r cross join guard g
      where (r.oid in (select oid from roles) or r.rolname in ('anon', 'authenticated', 'service_role'))
        and not (has_function_privilege(r.oid, g.oid, 'EXECUTE') and has_schema_privilege(r.oid, 'countersign', 'USAGE'))
      order by 1
    )) as guard_denied,
    coalesce(has_table_privilege(to_regclass('countersign.seal_keys'), 'SELECT'), false) as may_see_seals,
    coalesce((select jsonb_object_agg(substr(s.name, 7), s.value) from settings s), '{}') as postgrest,
    (
      select o.rolname from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_roles o on o.oid = c.relowner
      where n.nspname = 'public' and c.relname = 'jwt_issuers' and not pg_has_role(c.relowner, 'MEMBER')
    ) as foreign_owner,
    coalesce((
      select jsonb_agg(jsonb_build_object('pid', a.pid, 'user', coalesce(a.usename, ''), 'query', left(a.query, 200)) order by a.xact_start)
      from pg_stat_activity a
      where a.datname = current_database() and a.xact_start < clock_timestamp() - interval '3 seconds' and exists (
        select from pg_locks l join registry t on t.oid = l.relation
        where l.pid = a.pid and l.granted and l.mode not in ('AccessShareLock')
      )
    ), '[]') as holders,
    to_jsonb(array(
      select p.oid::regprocedure::text
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where p.prosecdef and n.nspname not in ('pg_catalog', 'information_schema', 'countersign') and p.proname !~ '^jwt_'
        and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
        and p.prosrc ~ '\m(uid|jwt|claims|issuer|is_issuer|subject|has_role|current_setting)\('
        and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
        and exists (select from pg_roles where rolname = 'countersign_reader')
        and has_function_privilege('countersign_reader', p.oid, 'EXECUTE')
        and has_schema_privilege('countersign_reader', n.oid, 'USAGE')
      order by 1
    )) as reader_functions,
    coalesce((select r.rolcanlogin from pg_roles r where r.rolname = 'countersign_reader'), false) as reader_logs_in
`;

const SEAL =
  "select exists (select from countersign.seal_keys k where k.accepted_until is null or k.accepted_until > clock_timestamp()) as found";

/**
 * Reads from the catalogs what lies open beside tables: functions with their owner's rights, privileges on the registry,
 * and the settings that PostgREST takes from the database.
 *
 * **Does not** see what PostgREST was given in its own configuration file or environment.
 *
 * @param target The database; this is not available over REST. Nothing is changed.
 * @param roles The roles that issuers may claim.
 * @returns What was found; empty lists where there is nothing to say.
 * @throws {RegistryError} `not_authorized`, `unreachable`.
 *
 * @example Find a function that hands out rows
 * ```ts
 * import { exposure } from "@countersign/registry-admin";
 * import { startLocalTarget } from "@countersign/local-target";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({
 *   function: false,
 *   sql: [
 *     "create function public.all_users() returns bigint security definer language sql as 'select count(*) from auth.users'",
 *   ],
 * });
 *
 * const { definerFunctions } = await exposure({ databaseUrl: target.databaseUrl }, ["authenticated"]);
 * assert.deepEqual(definerFunctions.map((found) => found.function), ["all_users()"]);
 * ```
 */
export async function exposure(
  target: DatabaseTarget | SqlTarget,
  roles: readonly string[],
): Promise<Exposure> {
  const { row, hasSealKey } = await withConnection(
    target,
    (sql) =>
      sql.begin("read only", async (transaction) => {
        const [row = {}] = await transaction.unsafe<Row[]>(EXPOSURE, [JSON.stringify(roles)]);
        const [seal] = row.may_see_seals === true ? await transaction.unsafe<Row[]>(SEAL) : [];
        return { row, hasSealKey: seal?.found !== false };
      }),
  );
  return {
    definerFunctions: objects(row.definer_functions).map((found) => ({
      function: text(found, "function"),
      roles: texts(found, "roles"),
      readsClaims: found.reads_claims === true,
    })),
    registryGrants: texts(row, "registry_grants"),
    serviceRoleLacks: texts(row, "service_role_lacks"),
    registryUnprotected: texts(row, "registry_unprotected"),
    hasSealKey,
    shortTimeouts: texts(row, "short_timeouts"),
    guardDenied: texts(row, "guard_denied"),
    postgrest: Object.fromEntries(
      Object.entries(Object(row.postgrest)).map(([name, value]) => [name, String(value)]),
    ),
    foreignOwner: nullable(row, "foreign_owner", text),
    holders: objects(row.holders).map((holder) => ({
      pid: number(holder, "pid"),
      user: text(holder, "user"),
      query: text(holder, "query"),
    })),
    readerFunctions: texts(row, "reader_functions"),
    readerLogsIn: row.reader_logs_in === true,
  };
}

function objects(value: unknown): Row[] {
  return Array.isArray(value) ? value.map((item: unknown) => Object(item)) : [];
}
