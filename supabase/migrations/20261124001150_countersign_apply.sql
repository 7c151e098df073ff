-- Countersign: applying what differs between a file and the registry, all of it or nothing.
select countersign.begin_migration();
select countersign.begin_migration();

-- In public, because PostgREST has one transaction for each request, and calls nothing that is not exposed. It has the
-- rights of its caller and no others: "grant execute on all functions" gives nobody more than they have.
create or replace function public.jwt_apply_plan(changes jsonb, expected_revision text) returns text
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  patience constant text := current_setting('lock_timeout');
  revision text;
  target record;
  columns text;
  wanted int;
  written int;
begin
  if jsonb_typeof(changes) is distinct from 'array' or jsonb_array_length(changes) > 20000 then
    raise exception 'Expected a list of at most 20000 changes' using errcode = 'invalid_parameter_value';
  end if;
  if exists (
    select from jsonb_array_elements(changes) as c(change)
    where (c.change ->> 'table' in ('jwt_issuers', 'jwt_public_keys', 'jwt_oidc_providers', 'jwt_federation_rules')
      and jsonb_typeof(coalesce(c.change -> 'insert', c.change -> 'update')) = 'object'
      and c.change ? 'insert' <> c.change ? 'update') is not true
  ) then
    raise exception 'Expected each change to insert or update a row of jwt_issuers, jwt_public_keys, jwt_oidc_providers or jwt_federation_rules'
      using errcode = 'invalid_parameter_value';
  end if;

  -- Every writer waits for this lock and no reader does. Not for long: the writer who waits may be revoking.
  perform set_config('lock_timeout', '2s', true);
  lock table public.jwt_public_keys, public.jwt_issuers, public.jwt_federation_rules, public.jwt_oidc_providers in share row exclusive mode;
  perform set_config('lock_timeout', patience, true);

  -- What follows the dot stands for the cluster's roles, which nothing in here changes.
  select split_part(v.version, '.', 1) into revision from public.jwt_registry_version v;
  if revision <> expected_revision then
    raise exception 'The registry has changed since the plan: it is at revision %, not %', revision, expected_revision
      using errcode = 'PT409', hint = 'Plan again';
  end if;

  -- One statement for each table and kind: what waits for requests under way waits for all of them at once.
  for target in select * from (
    values ('jwt_issuers', 'issuer'), ('jwt_public_keys', 'kid'), ('jwt_oidc_providers', 'issuer'), ('jwt_federation_rules', 'name')
  ) as t(name, key) loop
    select string_agg(distinct format('%I', named.name), ', ') into columns
    from jsonb_array_elements(changes) as c(change), jsonb_object_keys(c.change -> 'insert') as named(name)
    where c.change ->> 'table' = target.name and c.change ? 'insert';
    if columns is not null then
      execute format(
        'insert into public.%1$I (%2$s)
         select %2$s from pg_catalog.jsonb_array_elements($1) with ordinality as c(change, place),
           pg_catalog.jsonb_populate_record(null::public.%1$I, c.change -> ''insert'')
         where c.change ->> ''table'' = %1$L and c.change ? ''insert''
         order by c.place',
        target.name, columns
      ) using changes;
    end if;

    select string_agg(distinct format('%I', named.name), ', '), count(distinct c.place) into columns, wanted
    from jsonb_array_elements(changes) with ordinality as c(change, place), jsonb_object_keys(c.change -> 'update') as named(name)
    where c.change ->> 'table' = target.name and c.change ? 'update';
    if columns is not null then
      execute format(
        'update public.%1$I as t
         set (%2$s) = (select %2$s from pg_catalog.jsonb_populate_record(t, c.change -> ''update''))
         from pg_catalog.jsonb_array_elements($1) as c(change)
         where c.change ->> ''table'' = %1$L and c.change ? ''update'' and t.%3$I = c.change ->> ''key''',
        target.name, columns, target.key
      ) using changes;
      get diagnostics written = row_count;
      if written <> wanted then
        raise exception 'Rows of % that the plan changes are missing: % of %', target.name, wanted - written, wanted
          using errcode = 'PT409', hint = 'Plan again';
      end if;
    end if;
  end loop;

  select split_part(v.version, '.', 1) into revision from public.jwt_registry_version v;
  return revision;
end $$;
comment on function public.jwt_apply_plan(jsonb, text) is
  'Inserts and updates rows of jwt_issuers, jwt_public_keys, jwt_oidc_providers and jwt_federation_rules, all or none, if the registry still is at this revision (null: whatever it is). A change is {table, insert} or {table, key, update}; columns that an update does not name stay as they are. Returns the revision afterwards.';
select countersign.ensure_grants('function public.jwt_apply_plan(jsonb, text)', array['execute to service_role']);

select countersign.end_migration();
