-- Countersign 6/6: the guard, PostgREST's pre-request function.
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

create or replace function countersign.refuse_request(
  status int, code text, message text, challenge text, reason text
) returns void
language plpgsql security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  -- PostgREST answers with message and detail; the hint reaches only the server's log.
  raise sqlstate 'PGRST' using
    message = json_build_object('code', code, 'message', message, 'details', null, 'hint', null)::text,
    detail = json_build_object(
      'status', status,
      'headers', case
        when status = 401 then json_build_object('WWW-Authenticate', format('Bearer error="invalid_token", error_description="%s"', challenge))
        when status = 403 then json_build_object('WWW-Authenticate', format('Bearer error="insufficient_scope", error_description="%s"', challenge))
        else json_build_object('Retry-After', '1')
      end
    )::text,
    hint = reason;
end $$;

create or replace function countersign.check_token() returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  claims constant jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
  iss constant text := case when jsonb_typeof(claims -> 'iss') = 'string' then claims ->> 'iss' end;
  token_kid text;
  token_jti text;
  iat bigint;
  last_change bigint;
  token record;
  chained text;
begin
  if claims ? 'countersign' then
    token_kid := claims #>> '{countersign,kid}';
    if iss is null or token_kid is null or jsonb_typeof(claims -> 'iat') is distinct from 'number' then
      perform countersign.refuse_request(401, 'invalid_token', 'Token is not valid', 'Token is not valid',
        'The claim "countersign" is not the proxy''s');
    end if;
    iat := floor((claims ->> 'iat')::numeric);

    -- First the lock, then the look: a change of this issuer's rows waits for this transaction to end, and
    -- one that came first has committed by the time the next statement takes its snapshot.
    perform pg_advisory_xact_lock_shared(1668249966, countersign.issuer_lock(iss));

    if current_setting('transaction_isolation') in ('repeatable read', 'serializable') then
      -- The snapshot may be older than the lock. Changes are serialised, so if the latest one is visible
      -- here, all are; the sequence is not transactional and tells which one that is.
      select s.last_value into last_change from countersign.last_change s where s.is_called;
      if not pg_visible_in_snapshot(last_change::text::xid8, pg_current_snapshot()) then
        perform countersign.refuse_request(503, 'registry_changed', 'The registry changed during this request', '',
          'Repeatable-read snapshot is older than the latest registry change');
      end if;
    end if;

    select
      k.is_active as key_is_active, k.not_before, k.not_after,
      i.is_active as issuer_is_active, i.allowed_roles, i.single_use, i.max_token_lifetime,
      ceil(extract(epoch from i.reject_issued_before)) as reject_issued_before
    into token
    from public.jwt_public_keys k
    join public.jwt_issuers i on i.issuer = k.issuer
    where k.kid = token_kid and k.issuer = iss;

    if not found then
      perform countersign.refuse_request(401, 'invalid_token', 'Token is not valid', 'Token is not valid',
        'The key is not registered for the issuer');
    elsif not token.issuer_is_active then
      perform countersign.refuse_request(401, 'invalid_token', 'Token is not valid', 'Token is not valid',
        format('Issuer "%s" is not active', iss));
    elsif not token.key_is_active then
      perform countersign.refuse_request(401, 'invalid_token', 'Token is not valid', 'Token is not valid',
        format('Key "%s" of issuer "%s" is revoked', token_kid, iss));
    -- 5 seconds, the verifier's tolerance: its clock is not ours, and the request took time to get here.
    elsif token.not_before > clock_timestamp() + interval '5 seconds'
      or token.not_after < clock_timestamp() - interval '5 seconds' then
      perform countersign.refuse_request(401, 'invalid_token', 'Token is not valid', 'Token is not valid',
        format('Key "%s" of issuer "%s" is outside its time', token_kid, iss));
    elsif iat < token.reject_issued_before then
      perform countersign.refuse_request(401, 'invalid_token', 'Token is not valid', 'Token is not valid',
        format('Token of issuer "%s" was issued before its cut-off', iss));
    elsif (claims ->> 'role' = any (token.allowed_roles)) is not true then
      perform countersign.refuse_request(403, 'role_not_allowed', 'Role is not allowed', 'Role is not allowed',
        format('Issuer "%s" is not allowed the role', iss));
    end if;

    if token.single_use and current_setting('transaction_read_only') = 'off' then
      token_jti := claims #>> '{countersign,jti}';
      if coalesce(length(token_jti), 0) not between 1 and 255 then
        perform countersign.refuse_request(401, 'invalid_token', 'Token is not valid', 'Token is not valid',
          format('Token of single-use issuer "%s" has no usable jti', iss));
      end if;
      -- The same row in another transaction makes this wait; if that one commits, nothing is inserted.
      -- The inbound token verifies until iat + lifetime at the latest, plus tolerances: far below 5 minutes.
      insert into countersign.used_tokens (issuer, jti, expires_at)
      values (iss, token_jti, to_timestamp(iat) + token.max_token_lifetime + interval '5 minutes')
      on conflict do nothing;
      if not found then
        perform countersign.refuse_request(401, 'token_already_used', 'Token was already used', 'Token was already used',
          format('Single-use token of issuer "%s" was used before', iss));
      end if;
      -- More than one for one, so the table shrinks to what is live. Not in a frozen snapshot, where a row
      -- that another request removed would be a serialization failure.
      if current_setting('transaction_isolation') not in ('repeatable read', 'serializable') then
        delete from countersign.used_tokens u
        where u.ctid = any (array(
          select e.ctid from countersign.used_tokens e
          where e.expires_at < now() order by e.expires_at limit 4 for update skip locked
        ));
      end if;
    end if;
  elsif iss is not null and exists (select from public.jwt_issuers i where i.issuer = iss) then
    perform countersign.refuse_request(401, 'invalid_token', 'Token is not valid', 'Token is not valid',
      format('Token names issuer "%s" and did not come through the proxy', iss));
  end if;

  select format('select %I.%I()', g.chained_schema, g.chained_name) into chained
  from countersign.guard_state g
  where g.chained_name is not null;
  return chained;
end $$;
comment on function countersign.check_token() is
  'The guard''s check, with the owner''s rights, of the request''s token. Returns the statement that calls the chained pre-request function, if there is one.';

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
  'PostgREST''s pre-request function (pgrst.db_pre_request). Refuses a countersigned token whose issuer or key is not active now, and a token that names a registered issuer but is not countersigned; leaves every other request alone. Then calls the pre-request function that was there before. Use guard_enable() to install it.';

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
  select nullif(p.value, '') as value, p.in_database into found_setting from countersign.pre_request_setting p;

  if found_setting.value = 'countersign.check_request' then
    wanted := chain;
  elsif found_setting.value is not null and chain is not null and chain <> found_setting.value then
    raise exception 'PostgREST already has the pre-request function "%", which is not "%"', found_setting.value, chain
      using errcode = 'object_in_use', hint = 'Call guard_enable() with no argument to chain the one that is there';
  else
    wanted := coalesce(chain, found_setting.value);
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
  countersign.refuse_request(int, text, text, text, text), countersign.check_token(), countersign.check_request(),
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
