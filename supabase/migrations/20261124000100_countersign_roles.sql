-- Countersign 1/7: the private schema, and which roles an issuer may be given.
--
-- Safe to run again and safe to run 20 times at once, in one transaction or statement by statement. A
-- transaction-level lock serialises runners that wrap the file in a transaction. In autocommit mode that
-- lock is gone when its statement ends; only then is a session-level lock taken, because one left behind
-- by a transaction that failed would block the next attempt for as long as its connection lives.
select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('countersign migrations', 0));
do $$
begin
  if not exists (
    select from pg_catalog.pg_locks
    where locktype = 'advisory' and granted and pid = pg_catalog.pg_backend_pid()
      and (classid::bigint << 32 | objid::bigint) = pg_catalog.hashtextextended('countersign migrations', 0)
  ) then
    perform pg_catalog.pg_advisory_lock(pg_catalog.hashtextextended('countersign migrations', 0));
    perform pg_catalog.set_config('countersign.migration_lock', 'session', false);
  end if;
end $$;

do $$
declare
  missing text;
begin
  select string_agg(format('"%s"', needed), ', ') into missing
  from unnest(array['anon', 'authenticated', 'service_role', 'authenticator']) as needed
  where not exists (select from pg_catalog.pg_roles where rolname = needed);
  if missing is not null then
    raise exception 'Countersign needs the roles of a Supabase database, and % is missing', missing
      using hint = 'Connect to a Supabase project, or create the roles that PostgREST uses';
  end if;
  if exists (
    select from pg_catalog.pg_class
    where oid = pg_catalog.to_regclass('public.jwt_public_keys') and not exists (
      select from pg_catalog.pg_attribute where attrelid = pg_class.oid and attname = 'kid'
    )
  ) then
    raise exception 'public.jwt_public_keys exists and is not Countersign''s'
      using hint = 'Rename it, apply the migrations, then insert its issuer and public_key columns into the new table';
  end if;
end $$;

create schema if not exists countersign;
comment on schema countersign is
  'Countersign''s private schema. Never expose it through PostgREST. The helpers for policies (issuer, subject, claims, is_issuer, has_role) and check_request() are callable by everyone, nothing else is.';

-- Roles belong to the cluster, our lock to this database: another database's migration may win the race.
do $$
begin
  if not exists (select from pg_catalog.pg_roles where rolname = 'countersign_reader') then
    create role countersign_reader nologin;
  end if;
exception when duplicate_object or unique_violation then
  null;
end $$;

-- The database's own judgement, in one place: the write-time trigger and the read-time view both use it.
-- Membership counts whatever its options: with INHERIT FALSE a member may still SET ROLE, and with ADMIN
-- alone it may grant itself the rest. Owners bypass row level security, so owning such a table counts too.
create or replace view countersign.role_verdicts as
with named as materialized (
  select
    r.oid,
    r.rolname,
    case
      when r.rolsuper then 'has SUPERUSER'
      when r.rolbypassrls then 'has BYPASSRLS'
      when r.rolcreaterole then 'has CREATEROLE'
      when r.rolcreatedb then 'has CREATEDB'
      when r.rolreplication then 'has REPLICATION'
      when r.rolname in (
        'service_role', 'authenticator', 'postgres', 'dashboard_user', 'pgbouncer', 'pgtle_admin',
        'countersign_reader'
      ) or r.rolname ~ '^(pg_|supabase_|pgsodium_|cli_login_)' then 'belongs to the platform'
      when o.relowner is not null then 'owns a table with row level security'
    end as danger
  from pg_catalog.pg_roles r
  left join (
    select distinct c.relowner from pg_catalog.pg_class c where c.relrowsecurity and c.relpersistence <> 't'
  ) o on o.relowner = r.oid
),
dangerous as materialized (
  select n.oid, n.rolname, n.danger from named n where n.danger is not null
)
select
  n.rolname::text as role_name,
  case
    when n.danger is not null then n.danger
    when not pg_catalog.pg_has_role(
      'authenticator',
      n.oid,
      -- Before Postgres 16 every member may SET ROLE, and the option has no name.
      case when pg_catalog.current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end
    ) then 'can''t be assumed by "authenticator"'
    else (
      select pg_catalog.format('is a member of "%s", which %s', d.rolname, d.danger)
      from dangerous d
      where pg_catalog.pg_has_role(n.oid, d.oid, 'MEMBER')
      order by d.rolname
      limit 1
    )
  end as refusal
from named n;
comment on view countersign.role_verdicts is
  'Every role, and why an issuer may not be given it (null: it may). Computed from the catalogs at the moment of asking.';

create or replace function countersign.role_refusal(role_name text) returns text
language sql stable parallel safe
return (
  select case when pg_catalog.count(*) = 0 then 'does not exist' else pg_catalog.min(v.refusal) end
  from countersign.role_verdicts v
  where v.role_name = role_refusal.role_name
);
comment on function countersign.role_refusal(text) is
  'Why an issuer may not be given this role, or null if it may.';

create or replace function countersign.create_writer_role(role_name text) returns text
language plpgsql security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  with_options constant boolean := current_setting('server_version_num')::int >= 160000;
  refusal text;
begin
  if role_name is null or role_name !~ '^[a-z_][a-z0-9_-]{0,62}$' then
    raise exception 'Role name "%" is not allowed: expected up to 63 of a-z, 0-9, "_" and "-", starting with a letter or "_"', role_name
      using errcode = 'invalid_name';
  end if;
  -- Two calls at once would meet in the catalogs as "tuple concurrently updated".
  perform pg_advisory_xact_lock(hashtextextended('countersign roles', 0));
  if not exists (select from pg_roles where rolname = role_name) then
    if role_name ~ '^(pg_|supabase_|pgsodium_|cli_login_)' then
      raise exception 'Role name "%" is reserved for the platform', role_name using errcode = 'reserved_name';
    end if;
    begin
      execute format('create role %I nologin', role_name);
    exception when duplicate_object or unique_violation then
      null; -- Created meanwhile from another database of this cluster.
    end;
  else
    -- An existing role gets memberships only if it has no power that they would hand to issuers.
    refusal := countersign.role_refusal(role_name);
    if refusal is not null and refusal <> 'can''t be assumed by "authenticator"' then
      raise exception 'Role "%" can''t be made a writer role: it %', role_name, refusal
        using errcode = 'invalid_role_specification';
    end if;
  end if;
  -- INHERIT, because a policy TO authenticated applies only to those who inherit from it.
  if not pg_has_role(role_name, 'authenticated', 'USAGE') then
    execute format('grant authenticated to %I', role_name) || case when with_options then ' with inherit true' else '' end;
  end if;
  if not pg_has_role('authenticator', role_name, case when with_options then 'SET' else 'MEMBER' end) then
    execute format('grant %I to authenticator', role_name) || case when with_options then ' with inherit false, set true' else '' end;
  end if;
  refusal := countersign.role_refusal(role_name);
  if refusal is not null then
    raise exception 'Role "%" can''t be made a writer role: it %', role_name, refusal
      using errcode = 'invalid_role_specification';
  end if;
  return role_name;
end $$;
comment on function countersign.create_writer_role(text) is
  'Makes a role that issuers can be given: NOLOGIN, member of authenticated (so that its grants and its policies apply), granted to authenticator (so that PostgREST can switch to it). Running it again changes nothing. Whoever calls it needs CREATEROLE and the ADMIN option on both.';

revoke all on schema countersign from public;
grant usage on schema countersign to public;
revoke all on countersign.role_verdicts from public, anon, authenticated, service_role;
grant select on countersign.role_verdicts to service_role;
revoke all on function countersign.role_refusal(text), countersign.create_writer_role(text)
  from public, anon, authenticated, service_role;
grant execute on function countersign.role_refusal(text) to service_role;

do $$
begin
  if pg_catalog.current_setting('countersign.migration_lock', true) = 'session' then
    perform pg_catalog.set_config('countersign.migration_lock', '', false);
    perform pg_catalog.pg_advisory_unlock(pg_catalog.hashtextextended('countersign migrations', 0));
  end if;
end $$;
