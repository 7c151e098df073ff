-- Countersign: helpers for row level security policies.
select countersign.begin_migration();
select countersign.begin_migration();

-- They read the setting and not auth.jwt(), which custom roles may not call. PostgREST sets it from a token
-- whose signature it verified, and the guard lets no mark through that the proxy did not seal. Bodies are parsed
-- here and now, so no search_path can change what they mean; one of their own would keep the planner from
-- inlining them.
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

create or replace function countersign.is_live() returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  claims jsonb;
begin
  claims := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
  return coalesce(
    exists (
      select from countersign.live l
      where l.issuer = claims ->> 'iss' and jsonb_typeof(claims -> 'iss') = 'string'
        and l.kid = case when claims -> 'countersign' ? 'rule'
          then 'rule:' || (claims #>> '{countersign,rule}') else claims #>> '{countersign,kid}' end
        and claims #>> '{countersign,kid}' ~ '^[A-Za-z0-9_-]{43}$'
        and claims #>> '{countersign,kid}' <> all (l.revoked_kids)
        and l.issuer_is_active and l.key_is_active
        and (l.not_before is null or l.not_before <= clock_timestamp() + interval '5 seconds')
        and (l.not_after is null or l.not_after >= clock_timestamp() - interval '5 seconds')
        and (l.reject_issued_before is null or (claims #>> '{countersign,iat}')::numeric >= l.reject_issued_before)
        and claims ->> 'role' = any (l.allowed_roles)
    ) and countersign.is_sealed(claims),
    false
  );
exception when others then
  -- A policy has to answer, whatever somebody has put into the setting.
  return false;
end $$;
comment on function countersign.is_live() is
  'Whether the request''s token is sealed, its issuer and its key, or rule and provider, are active now, and the role is still allowed. For policies where the guard does not run (Storage, Realtime): using ((select countersign.claims() is null or countersign.is_live())). False for anything else; never raises.';

select countersign.ensure_grants('function countersign.claims()', array['execute to public']);
select countersign.ensure_grants('function countersign.issuer()', array['execute to public']);
select countersign.ensure_grants('function countersign.subject()', array['execute to public']);
select countersign.ensure_grants('function countersign.is_issuer(text)', array['execute to public']);
select countersign.ensure_grants('function countersign.has_role(text)', array['execute to public']);
select countersign.ensure_grants('function countersign.is_live()', array['execute to public']);

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

select countersign.end_migration();
