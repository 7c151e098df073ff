-- Countersign: applying a difference between a file and the registry, all of it or nothing.
-- The lock is explained in the first migration.
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

-- In public, because PostgREST has one transaction a request and calls nothing that is not exposed. The caller's own rights
-- are what it writes with, so whoever is granted it by "grant execute on all functions" gets nothing by it.
create or replace function public.jwt_apply_plan(changes jsonb, expected_version text) returns text
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  key_columns constant jsonb := '{"jwt_issuers": "issuer", "jwt_public_keys": "kid"}';
  patience constant text := current_setting('lock_timeout');
  version text;
  change jsonb;
  target text;
  columns text;
  affected int;
begin
  if jsonb_typeof(changes) is distinct from 'array' or jsonb_array_length(changes) > 20000 then
    raise exception 'Expected a list of at most 20000 changes' using errcode = 'invalid_parameter_value';
  end if;
  -- Every writer waits for these locks and no reader does. Not for long: who waits behind us may be revoking.
  perform set_config('lock_timeout', '2s', true);
  lock table public.jwt_public_keys, public.jwt_issuers in share row exclusive mode;
  perform set_config('lock_timeout', patience, true);

  -- What follows the dot stands for the cluster's roles, which nothing here changes.
  select split_part(v.version, '.', 1) into version from public.jwt_registry_version v;
  if version <> expected_version then
    raise exception 'The registry has changed since the plan: it is at version %, not %', version, expected_version
      using errcode = 'PT409', hint = 'Plan again';
  end if;

  for change in select listed.value from jsonb_array_elements(changes) with ordinality as listed(value, place) order by listed.place loop
    target := change ->> 'table';
    if key_columns ->> target is null
      or jsonb_typeof(coalesce(change -> 'insert', change -> 'update')) is distinct from 'object'
    then
      raise exception 'Expected a change of jwt_issuers or jwt_public_keys' using errcode = 'invalid_parameter_value';
    end if;
    select string_agg(format('%I', named.name), ', ') into columns
    from jsonb_object_keys(coalesce(change -> 'insert', change -> 'update')) as named(name);
    if change ? 'insert' then
      execute format(
        'insert into public.%1$I (%2$s) select %2$s from pg_catalog.jsonb_populate_record(null::public.%1$I, $1)', target, columns
      ) using change -> 'insert';
    else
      execute format(
        'update public.%1$I as t set (%2$s) = (select %2$s from pg_catalog.jsonb_populate_record(null::public.%1$I, $1)) where t.%3$I = $2',
        target, columns, key_columns ->> target
      ) using change -> 'update', change ->> 'key';
      get diagnostics affected = row_count;
      if affected = 0 then
        raise exception 'The registry has no row "%" in % to change', change ->> 'key', target
          using errcode = 'PT409', hint = 'Plan again';
      end if;
    end if;
  end loop;
  select split_part(v.version, '.', 1) into version from public.jwt_registry_version v;
  return version;
end $$;
comment on function public.jwt_apply_plan(jsonb, text) is
  'Inserts and updates rows of jwt_issuers and jwt_public_keys in order, all or none, if the registry still is at this version (null: whatever its version). With the caller''s own rights. Returns the version afterwards. countersign apply calls it.';

revoke all on function public.jwt_apply_plan(jsonb, text) from public, anon, authenticated, service_role;
grant execute on function public.jwt_apply_plan(jsonb, text) to service_role;

do $$
begin
  if pg_catalog.current_setting('countersign.migration_lock', true) = 'session' then
    perform pg_catalog.set_config('countersign.migration_lock', '', false);
    perform pg_catalog.pg_advisory_unlock(pg_catalog.hashtextextended('countersign migrations', 0));
  end if;
end $$;
