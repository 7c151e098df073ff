-- Countersign: turning the guard on and off.
select countersign.begin_migration();
select countersign.begin_migration();

select countersign.ensure_view($ddl$
create or replace view countersign.pre_request_setting as
select
  substr(c.setting, strpos(c.setting, '=') + 1) as value,
  s.setdatabase <> 0 as in_database
from pg_catalog.pg_db_role_setting s
cross join lateral unnest(s.setconfig) as c(setting)
where s.setrole = (select r.oid from pg_catalog.pg_roles r where r.rolname = 'authenticator')
  and s.setdatabase in (0, (select d.oid from pg_catalog.pg_database d where d.datname = current_database()))
  and lower(split_part(c.setting, '=', 1)) = 'pgrst.db_pre_request'
order by s.setdatabase <> 0 desc
limit 1
$ddl$);
comment on view countersign.pre_request_setting is
  'The pre-request function that PostgREST takes from the database: a setting for this database wins over one for all.';

create or replace function countersign.set_pre_request(value text, in_database boolean) returns void
language plpgsql security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  target constant text := 'alter role authenticator' || case when in_database then format(' in database %I', current_database()) else '' end;
begin
  if value is null then
    execute target || ' reset pgrst.db_pre_request';
  else
    execute target || format(' set pgrst.db_pre_request = %L', value);
  end if;
  perform pg_notify('pgrst', 'reload config');
end $$;
comment on function countersign.set_pre_request(text, boolean) is
  'Names PostgREST''s pre-request function in the database (null: none), and has PostgREST read its configuration again.';

create or replace function countersign.guard_status() returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
return pg_catalog.jsonb_build_object(
  'enabled', coalesce((select p.value from countersign.pre_request_setting p) = 'countersign.check_request', false),
  'pre_request', (select p.value from countersign.pre_request_setting p),
  'chained', (select g.chained_schema || '.' || g.chained_name from countersign.guard_state g),
  'enabled_at', (select g.enabled_at from countersign.guard_state g),
  'used_tokens', (select pg_catalog.count(*) from countersign.used_tokens)
);
comment on function countersign.guard_status() is
  'Whether the guard is PostgREST''s pre-request function according to this database, and what it chains. Can''t see what PostgREST was given in its own configuration file or environment.';

create or replace function countersign.guard_enable(chain text default null) returns jsonb
language plpgsql security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  found_setting record;
  wanted text;
  matches int;
  schema_name text;
  function_name text;
begin
  perform pg_advisory_xact_lock(hashtextextended('countersign guard', 0));
  select p.value, p.in_database into found_setting from countersign.pre_request_setting p;

  if found_setting.value = 'countersign.check_request' then
    wanted := chain;
  elsif found_setting.value <> '' and chain <> found_setting.value then
    raise exception 'PostgREST already has the pre-request function "%", which is not "%"', found_setting.value, chain
      using errcode = 'object_in_use', hint = 'Call guard_enable() with no argument to chain the one that is there';
  else
    wanted := coalesce(chain, nullif(found_setting.value, ''));
  end if;

  if wanted is not null then
    -- As PostgREST reads it: up to the first dot is the schema, and nothing is folded to lower case.
    select count(*), min(n.nspname), min(p.proname) into matches, schema_name, function_name
    from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
    where p.prokind = 'f' and p.pronargs = p.pronargdefaults
      and case
        when strpos(wanted, '.') > 0 then n.nspname || '.' || p.proname = wanted
        else p.proname = wanted
      end;
    if matches = 0 then
      raise exception 'Pre-request function "%" does not exist, or cannot be called without arguments', wanted
        using errcode = 'undefined_function';
    elsif matches > 1 then
      raise exception 'Pre-request function "%" is ambiguous: % functions have that name', wanted, matches
        using errcode = 'ambiguous_function', hint = 'Set it as "schema.name" first';
    elsif schema_name = 'countersign' then
      raise exception 'The guard cannot chain a function of its own schema' using errcode = 'invalid_parameter_value';
    end if;
  end if;

  if found_setting.value is distinct from 'countersign.check_request' then
    insert into countersign.guard_state (previous_setting, in_database, chained_schema, chained_name)
    values (found_setting.value, coalesce(found_setting.in_database, false), schema_name, function_name)
    on conflict (singleton) do update set
      previous_setting = excluded.previous_setting, in_database = excluded.in_database,
      chained_schema = excluded.chained_schema, chained_name = excluded.chained_name, enabled_at = now();
    perform countersign.set_pre_request('countersign.check_request', coalesce(found_setting.in_database, false));
  elsif chain is not null then
    insert into countersign.guard_state (in_database, chained_schema, chained_name)
    values (found_setting.in_database, schema_name, function_name)
    on conflict (singleton) do update set
      chained_schema = excluded.chained_schema, chained_name = excluded.chained_name;
  end if;
  return countersign.guard_status();
end $$;
comment on function countersign.guard_enable(text) is
  'Makes check_request() PostgREST''s pre-request function. One that the database already names is chained: called after ours, with the request''s role. One that PostgREST has from its own configuration cannot be seen from here: name it as the argument. Running it again changes nothing.';

create or replace function countersign.guard_disable() returns jsonb
language plpgsql security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  previous countersign.guard_state;
  found_setting record;
begin
  perform pg_advisory_xact_lock(hashtextextended('countersign guard', 0));
  select p.value, p.in_database into found_setting from countersign.pre_request_setting p;
  delete from countersign.guard_state where singleton returning * into previous;
  -- Whoever put another function in our place meant it: that one stays.
  if found_setting.value = 'countersign.check_request' then
    perform countersign.set_pre_request(previous.previous_setting, found_setting.in_database);
  end if;
  return countersign.guard_status();
end $$;
comment on function countersign.guard_disable() is
  'Gives PostgREST back the pre-request function it had before guard_enable(), or none. Running it again changes nothing.';

select countersign.ensure_grants('table countersign.pre_request_setting', '{}');
select countersign.ensure_grants('function countersign.set_pre_request(text, boolean)', '{}');
select countersign.ensure_grants('function countersign.guard_status()', '{}');
select countersign.ensure_grants('function countersign.guard_enable(text)', '{}');
select countersign.ensure_grants('function countersign.guard_disable()', '{}');

select countersign.end_migration();
