-- Countersign 7/7: the guard, PostgREST's pre-request function.
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

create table if not exists countersign.used_tokens (
  issuer text not null,
  jti text not null,
  expires_at timestamptz not null,
  primary key (issuer, jti)
);
create index if not exists used_tokens_expires_at_idx on countersign.used_tokens (expires_at);
alter table countersign.used_tokens enable row level security;
comment on table countersign.used_tokens is
  'Tokens of single_use issuers that have committed a write. Kept until the token can''t verify any more; every insert removes a few that are past it.';

create table if not exists countersign.guard_state (
  singleton boolean primary key default true check (singleton),
  previous_setting text,
  in_database boolean not null,
  chained_schema text,
  chained_name text,
  enabled_at timestamptz not null default pg_catalog.now()
);
alter table countersign.guard_state enable row level security;
comment on table countersign.guard_state is
  'What guard_enable() found and guard_disable() restores, and the function that check_request() calls after its own check. Names and not oids, which pg_upgrade would refuse.';

-- Codes, messages and hints are the proxy's, so that a caller can't tell which of the two refused. "reason"
-- reaches only the server's log: PostgREST answers with message and detail, and drops the hint.
create or replace function countersign.refuse_request(code text, reason text) returns void
language plpgsql security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  status constant int := case code when 'role_not_allowed' then 403 when 'registry_unavailable' then 503 else 401 end;
  said constant text := case code
    when 'token_refused' then 'The token is not accepted here'
    when 'token_already_used' then 'The token was used before'
    when 'role_not_allowed' then 'This issuer may not use the role'
    when 'registry_unavailable' then 'The registry of issuers can''t be read'
  end;
begin
  raise sqlstate 'PGRST' using
    message = json_build_object(
      'code', code,
      'message', said,
      'details', null,
      'hint', case code
        when 'token_refused' then 'Check issuer, key and audience with the operator of this project; its log has the reason'
        when 'token_already_used' then 'Sign a new token for each write'
        when 'role_not_allowed' then 'Claim a role that the issuer''s policy names'
        when 'registry_unavailable' then 'Try again; nothing was written'
      end
    )::text,
    detail = json_build_object(
      'status', status,
      'headers', case status
        when 401 then json_build_object(
          'WWW-Authenticate', format('Bearer error="invalid_token", error_description="%s"', said)
        )
        when 503 then json_build_object('Retry-After', '1')
        else '{}'
      end
    )::text,
    hint = reason;
end $$;
comment on function countersign.refuse_request(text, text) is
  'Ends the request with the answer for this public code; the precise reason goes to the server''s log.';

create or replace function countersign.require_current_snapshot() returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  latest bigint;
  visible bigint;
begin
  select c.last_value into latest from countersign.last_change c where c.is_called;
  select s.changed_by into visible from countersign.registry_state s;
  -- Changes are serialised: a snapshot that sees the latest sees all. One that was rolled back before the
  -- snapshot was taken changed nothing; any other that it does not see may have revoked this very issuer.
  if latest is distinct from visible
    and not pg_visible_in_snapshot(latest::text::xid8, pg_current_snapshot())
  then
    perform countersign.refuse_request('registry_unavailable', 'The registry changed after this transaction took its snapshot');
  end if;
end $$;
comment on function countersign.require_current_snapshot() is
  'Refuses the request if its snapshot, frozen by REPEATABLE READ or SERIALIZABLE, may be older than the latest change of the registry.';

create or replace function countersign.use_token_once(issuer text, jti text, expires_at timestamptz) returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(char_length(jti), 0) not between 1 and 255 then
    perform countersign.refuse_request('token_refused', format('Token of single-use issuer "%s" has no jti', issuer));
  end if;
  -- The same row in another transaction makes this wait; if that one commits, nothing is inserted.
  insert into countersign.used_tokens (issuer, jti, expires_at)
  values (use_token_once.issuer, use_token_once.jti, use_token_once.expires_at)
  on conflict do nothing;
  if not found then
    perform countersign.refuse_request('token_already_used', format('Token of single-use issuer "%s" was used before', issuer));
  end if;
  -- Four for one, so the table shrinks to what is live. Not from a frozen snapshot, where a row that another
  -- request has removed meanwhile would be a serialization failure.
  if current_setting('transaction_isolation') = 'read committed' then
    delete from countersign.used_tokens u
    where u.ctid = any (array(
      select e.ctid from countersign.used_tokens e
      where e.expires_at < now() order by e.expires_at limit 4 for update skip locked
    ));
  end if;
end $$;
comment on function countersign.use_token_once(text, text, timestamptz) is
  'Records that a token is used for a write, or refuses the request if it was.';

create or replace function countersign.check_token() returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  claims constant jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
  iss constant text := case when jsonb_typeof(claims -> 'iss') = 'string' then claims ->> 'iss' end;
  token_kid constant text := claims #>> '{countersign,kid}';
  iat constant numeric := case when jsonb_typeof(claims -> 'iat') = 'number' then claims ->> 'iat' end;
  registered record;
  chained text;
begin
  if not coalesce(claims ? 'countersign', false) then
    if exists (select from public.jwt_issuers i where i.issuer = iss) then
      perform countersign.refuse_request('token_refused', format('Token names issuer "%s" and is not countersigned', iss));
    end if;
  elsif iss is null or token_kid is null or iat is null then
    perform countersign.refuse_request('token_refused', 'Token has a claim "countersign" and is not the proxy''s');
  else
    -- First the lock, then the look: a change of this issuer's rows waits for this transaction to end, and
    -- one that came first has committed by the time the next statement takes its snapshot.
    perform pg_advisory_xact_lock_shared(1668249966, countersign.issuer_lock(iss));
    if current_setting('transaction_isolation') <> 'read committed' then
      perform countersign.require_current_snapshot();
    end if;

    select
      k.is_active as key_is_active, k.not_before, k.not_after,
      i.is_active as issuer_is_active, i.allowed_roles, i.reject_issued_before, i.single_use, i.max_token_lifetime
    into registered
    from public.jwt_public_keys k
    join public.jwt_issuers i on i.issuer = k.issuer
    where k.kid = token_kid and k.issuer = iss;

    if not found then
      perform countersign.refuse_request('token_refused', 'Key is not registered for the issuer');
    elsif not registered.issuer_is_active then
      perform countersign.refuse_request('token_refused', format('Issuer "%s" is not active', iss));
    elsif not registered.key_is_active then
      perform countersign.refuse_request('token_refused', format('Key "%s" of issuer "%s" is revoked', token_kid, iss));
    -- 5 seconds, the verifier's tolerance: its clock is not ours, and the request took time to get here.
    elsif registered.not_before > clock_timestamp() + interval '5 seconds'
      or registered.not_after < clock_timestamp() - interval '5 seconds'
    then
      perform countersign.refuse_request('token_refused', format('Key "%s" of issuer "%s" is not current', token_kid, iss));
    elsif iat < ceil(extract(epoch from registered.reject_issued_before)) then
      perform countersign.refuse_request('token_refused', format('Token of issuer "%s" was issued before its cut-off', iss));
    elsif (claims ->> 'role' = any (registered.allowed_roles)) is not true then
      perform countersign.refuse_request('role_not_allowed', format('Issuer "%s" is not allowed the role', iss));
    end if;

    if registered.single_use and current_setting('transaction_read_only') = 'off' then
      -- The token that the issuer signed verifies until iat + lifetime at the latest, give or take tolerances.
      perform countersign.use_token_once(
        iss, claims #>> '{countersign,jti}', to_timestamp(iat::bigint) + registered.max_token_lifetime + interval '5 minutes'
      );
    end if;
  end if;

  select format('select %I.%I()', g.chained_schema, g.chained_name) into chained
  from countersign.guard_state g
  where g.chained_name is not null;
  return chained;
end $$;
comment on function countersign.check_token() is
  'The guard''s check of the request''s token, with the owner''s rights. Returns the statement that calls the chained pre-request function, if there is one.';

-- No SET clause and no SECURITY DEFINER: the chained function sees the request's own role and search_path.
-- Every name is qualified instead.
create or replace function countersign.check_request() returns void
language plpgsql volatile security invoker
as $$
declare
  chained constant pg_catalog.text := countersign.check_token();
begin
  if chained is not null then
    execute chained;
  end if;
end $$;
comment on function countersign.check_request() is
  'PostgREST''s pre-request function (pgrst.db_pre_request). Refuses a countersigned token whose issuer or key is not active now, and a token that names a registered issuer but is not countersigned; leaves every other request alone. Then calls the pre-request function that was there before. guard_enable() installs it.';

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
limit 1;
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
      raise exception 'Pre-request function "%" does not exist, or can''t be called without arguments', wanted
        using errcode = 'undefined_function';
    elsif matches > 1 then
      raise exception 'Pre-request function "%" is ambiguous: % functions have that name', wanted, matches
        using errcode = 'ambiguous_function', hint = 'Set it as "schema.name" first';
    elsif schema_name = 'countersign' then
      raise exception 'The guard can''t chain a function of its own schema' using errcode = 'invalid_parameter_value';
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
  'Makes check_request() PostgREST''s pre-request function. One that the database already names is chained: called after ours, with the request''s role. One that PostgREST has from its own configuration can''t be seen from here: name it as the argument. Running it again changes nothing.';

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
  delete from countersign.guard_state returning * into previous;
  -- Whoever put another function in our place meant it: that one stays.
  if found_setting.value = 'countersign.check_request' then
    perform countersign.set_pre_request(previous.previous_setting, found_setting.in_database);
  end if;
  return countersign.guard_status();
end $$;
comment on function countersign.guard_disable() is
  'Gives PostgREST back the pre-request function it had before guard_enable(), or none. Running it again changes nothing.';

revoke all on countersign.used_tokens, countersign.guard_state, countersign.pre_request_setting
  from public, anon, authenticated, service_role;
revoke all on function
  countersign.refuse_request(text, text), countersign.require_current_snapshot(),
  countersign.use_token_once(text, text, timestamptz), countersign.check_token(), countersign.check_request(),
  countersign.set_pre_request(text, boolean), countersign.guard_status(), countersign.guard_enable(text),
  countersign.guard_disable()
from public, anon, authenticated, service_role;
-- PostgREST runs the pre-request function as whatever role the token names.
grant execute on function countersign.check_request(), countersign.check_token() to public;

do $$
begin
  if pg_catalog.current_setting('countersign.migration_lock', true) = 'session' then
    perform pg_catalog.set_config('countersign.migration_lock', '', false);
    perform pg_catalog.pg_advisory_unlock(pg_catalog.hashtextextended('countersign migrations', 0));
  end if;
end $$;
