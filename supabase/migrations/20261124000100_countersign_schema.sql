-- Countersign: the private schema, and how migrations change a project that is in use.
--
-- Safe to run again and safe to run 20 times at once, in one transaction or statement by statement. A
-- transaction-level lock serializes runners that wrap the file in a transaction. In autocommit mode that
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
  foreign_object text;
  foreign_owner text;
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
  select owned.name, pg_catalog.pg_get_userbyid(owned.owner) into foreign_object, foreign_owner
  from (
    select 'schema ' || n.nspname as name, n.nspowner as owner from pg_catalog.pg_namespace n
    where n.nspname in ('countersign', 'countersign_locks')
    union all
    select 'function ' || p.oid::regprocedure::text, p.proowner from pg_catalog.pg_proc p
    where p.pronamespace = pg_catalog.to_regnamespace('countersign')
    union all
    select 'relation ' || c.oid::regclass::text, c.relowner from pg_catalog.pg_class c
    where c.relnamespace = pg_catalog.to_regnamespace('countersign') and c.relkind in ('r', 'v', 'S')
      or c.oid in (pg_catalog.to_regclass('public.jwt_issuers'), pg_catalog.to_regclass('public.jwt_public_keys'),
        pg_catalog.to_regclass('public.jwt_registry_audit'), pg_catalog.to_regclass('public.jwt_oidc_providers'),
        pg_catalog.to_regclass('public.jwt_federation_rules'), pg_catalog.to_regclass('public.jwt_revoked_provider_keys'))
  ) owned
  where not pg_catalog.pg_has_role(owned.owner, 'USAGE')
  limit 1;
  if found then
    raise exception 'Cannot migrate as "%": % belongs to "%"', current_user, foreign_object, foreign_owner
      using errcode = 'insufficient_privilege',
        hint = pg_catalog.format(
          'Apply the migrations as "%s" or as a superuser. A superuser can hand the registry over first: alter table public.jwt_issuers owner to %I; everything else follows when the superuser applies the migrations again',
          foreign_owner, current_user
        );
  end if;
end $$;

create schema if not exists countersign;
comment on schema countersign is
  'Countersign''s private schema. Never expose it through PostgREST. The helpers for policies (issuer, subject, claims, is_issuer, has_role, is_live) and check_request() are callable by everyone, nothing else is.';

create or replace function countersign.begin_migration() returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  key constant bigint := hashtextextended('countersign migrations', 0);
begin
  if exists (
    select from pg_locks
    where locktype = 'advisory' and granted and pid = pg_backend_pid() and (classid::bigint << 32 | objid::bigint) = key
  ) then
    null;
  elsif current_setting('countersign.migration_lock', true) = 'begun' then
    perform pg_advisory_lock(key);
    perform set_config('countersign.migration_lock', 'session', false);
  else
    perform pg_advisory_xact_lock(key);
    perform set_config('countersign.migration_lock', 'begun', false);
    return;
  end if;
  -- For what locks no reader and no writer out, and might still wait for somebody.
  perform set_config('countersign.migration_lock_timeout', current_setting('lock_timeout'), false);
  perform set_config('lock_timeout', '10s', false);
end $$;
comment on function countersign.begin_migration() is
  'Begins a migration file. Called twice: only the second call can tell whether the transaction of the first still lasts, and takes the lock for the session if it does not.';

create or replace function countersign.end_migration() returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if current_setting('countersign.migration_lock', true) = 'session' then
    perform pg_advisory_unlock(hashtextextended('countersign migrations', 0));
  end if;
  perform set_config('countersign.migration_lock', '', false);
  perform set_config('lock_timeout', coalesce(nullif(current_setting('countersign.migration_lock_timeout', true), ''), '0'), false);
end $$;
comment on function countersign.end_migration() is
  'Ends a migration file.';

create or replace function countersign.describe_sessions(pids int[]) returns text
language sql stable
set search_path = pg_catalog, pg_temp
return (
  select pg_catalog.string_agg(
    pg_catalog.format(
      'session %s (user "%s", %s for %s s): %s', a.pid, a.usename, coalesce(a.state, 'working'),
      coalesce(pg_catalog.floor(extract(epoch from pg_catalog.clock_timestamp() - a.xact_start)), 0),
      pg_catalog.left(pg_catalog.regexp_replace(a.query, '\s+', ' ', 'g'), 200)
    ),
    '; ' order by a.xact_start
  )
  from pg_catalog.pg_stat_activity a
  where a.pid = any (pids)
);
comment on function countersign.describe_sessions(int[]) is
  'Sessions in words for an error message: process id, user, state, how long its transaction lasts, and its query.';

-- A lock request that waits makes everybody wait who comes after it. So each attempt gives up within 40 ms,
-- which nobody notices, and there are many.
create or replace function countersign.change_schema(ddl text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  give_up_at constant timestamptz := clock_timestamp() + interval '5 seconds';
  lock_timeout_before constant text := current_setting('lock_timeout');
  holders int[];
begin
  loop
    begin
      perform set_config('lock_timeout', '40ms', true);
      execute ddl;
      perform set_config('lock_timeout', lock_timeout_before, true);
      return;
    exception when lock_not_available then
      null;
    end;
    if clock_timestamp() > give_up_at then
      select array_agg(l.pid) into holders
      from pg_locks l
      join pg_class c on c.oid = l.relation
      where l.granted and l.pid <> pg_backend_pid() and l.database = (select oid from pg_database where datname = current_database())
        and (c.relname like 'jwt\_%' and c.relnamespace = 'public'::regnamespace or c.relnamespace = 'countersign'::regnamespace);
      raise exception 'Cannot change the registry''s schema: %', coalesce(countersign.describe_sessions(holders), 'its tables are locked')
        using errcode = 'lock_not_available',
          detail = left(ddl, 500),
          hint = 'Nothing was changed. End that transaction (pg_terminate_backend), or apply the migrations again when it has ended';
    end if;
    perform pg_sleep(0.2);
  end loop;
end $$;
comment on function countersign.change_schema(text) is
  'Executes a statement that locks a relation without ever making readers or writers wait for more than 40 ms. Raises after 5 seconds, and names who holds the lock.';

create or replace function countersign.ensure(is_so boolean, ddl text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if is_so is not true then
    perform countersign.change_schema(ddl);
  end if;
end $$;
comment on function countersign.ensure(boolean, text) is
  'Executes a statement unless what it brings about is so.';

create or replace function countersign.ensure_view(ddl text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  name constant text := substring(ddl from '^\s*create or replace view (\S+)');
  present constant regclass := to_regclass(name);
  differs boolean;
begin
  if present is not null then
    -- The same definition under a name that nobody uses: Postgres prints both in the same way.
    execute regexp_replace(ddl, '^\s*create or replace view \S+', 'create temporary view countersign_candidate');
    select pg_get_viewdef(present) <> pg_get_viewdef(c.oid) or p.reloptions is distinct from c.reloptions into differs
    from pg_class p
    join pg_class c on c.oid = 'pg_temp.countersign_candidate'::regclass
    where p.oid = present;
    execute 'drop view pg_temp.countersign_candidate';
  end if;
  if differs is distinct from false then
    perform countersign.change_schema(ddl);
  end if;
end $$;
comment on function countersign.ensure_view(text) is
  'Creates or replaces a view if it is another or does not exist: replacing it takes a lock that readers wait for.';

create or replace function countersign.ensure_trigger(ddl text, always boolean default true) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  wanted constant text := btrim(regexp_replace(replace(ddl, 'or replace ', ''), '\s+', ' ', 'g'));
  name constant text := substring(wanted from '^create trigger (\S+)');
  relation constant regclass := substring(wanted from ' on (\S+) ')::regclass;
  state constant "char" := case when always then 'A' else 'O' end;
begin
  if not exists (
    select from pg_trigger t where t.tgrelid = relation and t.tgname = name and lower(pg_get_triggerdef(t.oid)) = wanted
  ) then
    perform countersign.change_schema(ddl);
  end if;
  if not exists (select from pg_trigger t where t.tgrelid = relation and t.tgname = name and t.tgenabled = state) then
    perform countersign.change_schema(
      format('alter table %s enable %s trigger %I', relation, case when always then 'always' else '' end, name)
    );
  end if;
end $$;
comment on function countersign.ensure_trigger(text, boolean) is
  'Creates or replaces a trigger if it is another or does not exist, and sets whether it fires always: also while session_replication_role is "replica".';

create or replace function countersign.ensure_row_security(relation regclass, forced boolean) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  found_table record;
  audience text;
begin
  select c.relrowsecurity, c.relforcerowsecurity, c.relowner into found_table from pg_class c where c.oid = relation;
  if not found_table.relrowsecurity then
    perform countersign.change_schema(format('alter table %s enable row level security', relation));
  end if;
  if not forced then
    -- Only the owner gets in. The policy says so to readers and to linters.
    if not exists (select from pg_policy p where p.polrelid = relation) then
      perform countersign.change_schema(format('create policy nobody on %s using (false)', relation));
    end if;
    return;
  end if;
  if not found_table.relforcerowsecurity then
    perform countersign.change_schema(format('alter table %s force row level security', relation));
  end if;
  -- service_role and the owner bypass row level security on Supabase; where they do not, this lets them in.
  audience := format('%I, service_role', pg_get_userbyid(found_table.relowner));
  if not exists (select from pg_policy p where p.polrelid = relation and p.polname = 'registry_administration') then
    perform countersign.change_schema(
      format('create policy registry_administration on %s to %s using (true) with check (true)', relation, audience)
    );
  elsif not exists (
    select from pg_policy p
    where p.polrelid = relation and p.polname = 'registry_administration' and found_table.relowner = any (p.polroles)
  ) then
    perform countersign.change_schema(format('alter policy registry_administration on %s to %s', relation, audience));
  end if;
end $$;
comment on function countersign.ensure_row_security(regclass, boolean) is
  'Row level security for a table: forced, with a policy for the owner and service_role; or not forced, for the owner alone.';

-- Compared first and changed in one statement: between a REVOKE and a GRANT that commit on their own the proxy
-- would be refused.
create or replace function countersign.ensure_grants(object text, wanted text[]) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  kind constant text := split_part(object, ' ', 1);
  name constant text := substr(object, strpos(object, ' ') + 1);
  acl aclitem[];
  owner oid;
  present text[];
  former text;
begin
  if kind = 'function' then
    select coalesce(p.proacl, acldefault('f', p.proowner)), p.proowner into strict acl, owner
    from pg_proc p where p.oid = name::regprocedure;
  elsif kind = 'schema' then
    select coalesce(n.nspacl, acldefault('n', n.nspowner)), n.nspowner into strict acl, owner
    from pg_namespace n where n.nspname = name;
  else
    select coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner)), c.relowner
    into strict acl, owner
    from pg_class c where c.oid = name::regclass;
  end if;
  select coalesce(array_agg(distinct format('%s to %s', lower(a.privilege_type), coalesce(r.rolname, 'public'))), '{}')
  into present
  from aclexplode(acl) a
  left join pg_roles r on r.oid = a.grantee
  where a.grantee <> owner;
  if present @> wanted and present <@ wanted then
    return;
  end if;
  for former in
    select distinct coalesce(quote_ident(r.rolname), 'public')
    from aclexplode(acl) a left join pg_roles r on r.oid = a.grantee
    where a.grantee <> owner
  loop
    execute format('revoke all on %s from %s', object, former);
  end loop;
  for former in select w from unnest(wanted) as w loop
    execute format('grant %s on %s to %s', split_part(former, ' to ', 1), object, split_part(former, ' to ', 2));
  end loop;
end $$;
comment on function countersign.ensure_grants(text, text[]) is
  'Gives an object exactly these grants ("select to service_role"), beside its owner''s own.';

select countersign.ensure_grants('schema countersign', array['usage to public']);
select countersign.ensure_grants('function countersign.begin_migration()', '{}');
select countersign.ensure_grants('function countersign.end_migration()', '{}');
select countersign.ensure_grants('function countersign.describe_sessions(int[])', '{}');
select countersign.ensure_grants('function countersign.change_schema(text)', '{}');
select countersign.ensure_grants('function countersign.ensure(boolean, text)', '{}');
select countersign.ensure_grants('function countersign.ensure_view(text)', '{}');
select countersign.ensure_grants('function countersign.ensure_trigger(text, boolean)', '{}');
select countersign.ensure_grants('function countersign.ensure_row_security(regclass, boolean)', '{}');
select countersign.ensure_grants('function countersign.ensure_grants(text, text[])', '{}');

-- Roles belong to the cluster, our lock to this database: another database's migration may win the race.
do $$
begin
  if not exists (select from pg_catalog.pg_roles where rolname = 'countersign_reader') then
    create role countersign_reader nologin;
  end if;
exception when duplicate_object or unique_violation then
  null;
end $$;

select countersign.end_migration();
