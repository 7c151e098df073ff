-- Countersign: which roles an issuer may be given.
select countersign.begin_migration();
select countersign.begin_migration();

-- The database's own judgement, in one place: the write-time trigger and the read-time view both use it.
-- Membership counts whatever its options: with INHERIT FALSE a member may still SET ROLE, and with ADMIN
-- alone it may grant itself the rest. Owners bypass row level security, so owning such a table counts too.
select countersign.ensure_view($ddl$
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
    ) then 'cannot be assumed by "authenticator"'
    else (
      select pg_catalog.format('is a member of "%s", which %s', d.rolname, d.danger)
      from dangerous d
      where pg_catalog.pg_has_role(n.oid, d.oid, 'MEMBER')
      order by d.rolname
      limit 1
    )
  end as refusal
from named n
$ddl$);
comment on view countersign.role_verdicts is
  'Every role, and why an issuer may not be given it (null: it may). Computed from the catalogs at the moment of asking.';

create or replace function countersign.role_refusal(role_name text) returns text
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
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
    if refusal is not null and refusal <> 'cannot be assumed by "authenticator"' then
      raise exception 'Role "%" cannot be made a writer role: it %', role_name, refusal
        using errcode = 'invalid_role_specification';
    end if;
  end if;
  -- INHERIT, because a policy TO authenticated applies only to those who inherit from it. Before Postgres 16
  -- that is an attribute of the role and not of the membership.
  if not with_options and not (select r.rolinherit from pg_roles r where r.rolname = role_name) then
    execute format('alter role %I inherit', role_name);
  end if;
  if not pg_has_role(role_name, 'authenticated', 'USAGE') then
    execute format('grant authenticated to %I', role_name) || case when with_options then ' with inherit true' else '' end;
  end if;
  if not pg_has_role('authenticator', role_name, case when with_options then 'SET' else 'MEMBER' end) then
    execute format('grant %I to authenticator', role_name) || case when with_options then ' with inherit false, set true' else '' end;
  end if;
  refusal := countersign.role_refusal(role_name);
  if refusal is not null then
    raise exception 'Role "%" cannot be made a writer role: it %', role_name, refusal
      using errcode = 'invalid_role_specification';
  end if;
  return role_name;
end $$;
comment on function countersign.create_writer_role(text) is
  'Makes a role that issuers can be given: NOLOGIN, member of authenticated (so that its grants and its policies apply), granted to authenticator (so that PostgREST can switch to it). Running it again changes nothing. Whoever calls it needs CREATEROLE and the ADMIN option on both.';

select countersign.ensure_grants('table countersign.role_verdicts', array['select to service_role']);
select countersign.ensure_grants('function countersign.role_refusal(text)', array['execute to service_role']);
select countersign.ensure_grants('function countersign.create_writer_role(text)', '{}');

select countersign.end_migration();
