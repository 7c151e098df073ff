-- Countersign 6/7: helpers for row level security policies.
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

-- They read the setting and not auth.jwt(), which custom roles may not call. PostgREST sets it from a token
-- whose signature it verified, so only the proxy (or who else holds a key PostgREST trusts) can mark it.
-- Bodies are parsed here and now, so no search_path can change what they mean, and the planner inlines them.
create or replace function countersign.claims() returns jsonb
language sql stable parallel safe
return pg_catalog.jsonb_path_query_first(
  nullif(pg_catalog.current_setting('request.jwt.claims', true), '')::jsonb,
  'strict $ ? (@.countersign.kid like_regex "^[A-Za-z0-9_-]{43}$" && @.iss.type() == "string")'
);
comment on function countersign.claims() is
  'The claims of the request''s token if Countersign signed it, else null.';

create or replace function countersign.issuer() returns text
language sql stable parallel safe
return countersign.claims() ->> 'iss';
comment on function countersign.issuer() is
  'The issuer (iss) of the request''s token if Countersign signed it, else null. Use: with check (owner_issuer = (select countersign.issuer())).';

create or replace function countersign.subject() returns text
language sql stable parallel safe
return countersign.claims() ->> 'sub';
comment on function countersign.subject() is
  'The subject (sub) of the request''s token if Countersign signed it, else null.';

create or replace function countersign.is_issuer(name text) returns boolean
language sql stable parallel safe
return coalesce(countersign.issuer() = name, false);
comment on function countersign.is_issuer(text) is
  'Whether Countersign signed the request''s token for this issuer. Never null.';

create or replace function countersign.has_role(name text) returns boolean
language sql stable parallel safe
return coalesce(countersign.claims() ->> 'role' = name, false);
comment on function countersign.has_role(text) is
  'Whether Countersign signed the request''s token with this role. Never null.';

revoke all on function
  countersign.claims(), countersign.issuer(), countersign.subject(), countersign.is_issuer(text), countersign.has_role(text)
from anon, authenticated, service_role;
grant execute on function
  countersign.claims(), countersign.issuer(), countersign.subject(), countersign.is_issuer(text), countersign.has_role(text)
to public;

-- Where the platform lets us, the shorter names under which auth has its own.
do $$
begin
  if not coalesce(
    pg_catalog.has_schema_privilege(pg_catalog.to_regnamespace('auth'), 'CREATE')
      and pg_catalog.has_schema_privilege(pg_catalog.to_regnamespace('auth'), 'USAGE'),
    false
  ) then
    raise notice 'auth.issuer(), auth.is_issuer() and auth.has_role() are left out: % may not create functions in schema auth. Use countersign.issuer(), countersign.is_issuer() and countersign.has_role()', current_user;
    return;
  end if;
  create or replace function auth.issuer() returns text
    language sql stable parallel safe
    return countersign.issuer();
  create or replace function auth.is_issuer(name text) returns boolean
    language sql stable parallel safe
    return countersign.is_issuer(name);
  create or replace function auth.has_role(name text) returns boolean
    language sql stable parallel safe
    return countersign.has_role(name);
  comment on function auth.issuer() is 'Alias of countersign.issuer().';
  comment on function auth.is_issuer(text) is 'Alias of countersign.is_issuer(text).';
  comment on function auth.has_role(text) is 'Alias of countersign.has_role(text).';
exception when insufficient_privilege or invalid_function_definition then
  raise notice 'auth.issuer(), auth.is_issuer() and auth.has_role() are left out: %. Use countersign.issuer(), countersign.is_issuer() and countersign.has_role()', sqlerrm;
end $$;


do $$
begin
  if pg_catalog.current_setting('countersign.migration_lock', true) = 'session' then
    perform pg_catalog.set_config('countersign.migration_lock', '', false);
    perform pg_catalog.pg_advisory_unlock(pg_catalog.hashtextextended('countersign migrations', 0));
  end if;
end $$;
