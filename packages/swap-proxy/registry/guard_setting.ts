import type { PostgresClient } from "@countersign/postgres";

// What PostgREST itself reads (db-config): a setting for this database wins over one for all. The catalog is open
// to every role, so the least privileged one can ask.
const GUARD_IS_ON = `
select coalesce((
  select substr(c.setting, strpos(c.setting, '=') + 1) = 'countersign.check_request'
  from pg_catalog.pg_db_role_setting s
  join pg_catalog.pg_roles r on r.oid = s.setrole
  cross join lateral unnest(s.setconfig) as c(setting)
  where r.rolname = 'authenticator' and lower(split_part(c.setting, '=', 1)) = 'pgrst.db_pre_request'
    and s.setdatabase in (0, (select d.oid from pg_catalog.pg_database d where d.datname = current_database()))
  order by s.setdatabase <> 0 desc
  limit 1
), false)::text as guard`;

/** Whether the database names the guard as PostgREST's pre-request function. */
export async function readGuardSetting(client: PostgresClient): Promise<boolean> {
  const [row] = await client.query(GUARD_IS_ON, []);
  return row?.guard === "true";
}
