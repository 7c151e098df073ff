-- Countersign: the guard, PostgREST's pre-request function.
select countersign.begin_migration();
select countersign.begin_migration();

create table if not exists countersign.used_tokens (
  issuer text not null,
  jti text not null,
  expires_at timestamptz not null,
  primary key (issuer, jti)
);
select countersign.ensure(pg_catalog.to_regclass('countersign.used_tokens_expires_at_idx') is not null, $ddl$
create index if not exists used_tokens_expires_at_idx on countersign.used_tokens (expires_at)
$ddl$);
comment on table countersign.used_tokens is
  'Tokens of single_use issuers that have committed a write. Kept until the token cannot verify any more; every insert removes a few that are past it.';

create table if not exists countersign.guard_state (
  singleton boolean primary key default true check (singleton),
  previous_setting text,
  in_database boolean not null,
  chained_schema text,
  chained_name text,
  enabled_at timestamptz not null default pg_catalog.now()
);
comment on table countersign.guard_state is
  'What guard_enable() found and guard_disable() restores, and the function that check_request() calls after its own check. Names and not oids, which pg_upgrade would refuse.';

-- Codes, messages and hints are the proxy's, so that a caller can't tell which of the two refused. "reason"
-- reaches only the server's log: PostgREST answers with message and detail, and drops the hint. Any other login
-- that calls the guard could read the hint, and gets none.
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
    when 'registry_unavailable' then 'The registry of issuers cannot be read'
  end;
begin
  raise sqlstate 'PGRST' using
    message = json_build_object(
      'code', code,
      'message', said,
      'details', null,
      'hint', case code
        when 'token_refused' then 'Check issuer, key and audience with the operator of this project, whose log has the reason'
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
    hint = case
      when session_user = 'authenticator' or pg_has_role(session_user, current_user, 'USAGE') then reason
      else 'The reason is told to PostgREST''s login only'
    end;
end $$;
comment on function countersign.refuse_request(text, text) is
  'Ends the request with the answer for this public code; the precise reason goes to the server''s log.';

create or replace function countersign.was_replaced(row_xmax xid) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  seen constant pg_snapshot := pg_current_snapshot();
  next constant bigint := pg_snapshot_xmax(seen)::text::bigint;
  -- The nearest of the transactions that these 32 bits can mean.
  replaced_by constant bigint := next
    + ((row_xmax::text::bigint - next % 4294967296 + 3 * 2147483648) % 4294967296) - 2147483648;
begin
  return row_xmax <> '0'::xid
    -- One that had ended before the snapshot and still shows the row changed nothing.
    and replaced_by >= pg_snapshot_xmin(seen)::text::bigint
    and pg_xact_status(replaced_by::text::xid8) is distinct from 'aborted';
end $$;
comment on function countersign.was_replaced(xid) is
  'Whether a row that this transaction''s frozen snapshot (REPEATABLE READ, SERIALIZABLE) still shows has been changed or removed since.';

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
  token_kid text;
  rule text;
  iat numeric;
  known record;
  found_key record;
begin
  select
    (select l.lock_number from countersign.live l where l.issuer = iss and l.kid = '') as lock_number,
    (
      select format('select %I.%I()', g.chained_schema, g.chained_name) from countersign.guard_state g
      where g.chained_name is not null
    ) as chained
  into known;

  if not coalesce(claims ? 'countersign', false) then
    if known.lock_number is not null then
      perform countersign.refuse_request('token_refused', format('Token names issuer "%s" and is not countersigned', iss));
    end if;
    return known.chained;
  end if;

  -- Who may read the seal's keys could seal a token, and so use up another's: only requests may come here.
  if session_user <> 'authenticator' and pg_has_role(session_user, 'countersign_reader', 'USAGE')
    and not pg_has_role(session_user, current_user, 'USAGE')
  then
    raise exception 'Role "%" may not act as a request', session_user using errcode = 'insufficient_privilege';
  end if;
  token_kid := claims #>> '{countersign,kid}';
  rule := claims #>> '{countersign,rule}';
  iat := case when jsonb_typeof(claims #> '{countersign,iat}') = 'number' then claims #>> '{countersign,iat}' end;
  if iss is null or (token_kid ~ '^[A-Za-z0-9_-]{43}$') is not true or iat is null then
    perform countersign.refuse_request('token_refused', 'Token has a claim "countersign" and is not the proxy''s');
  elsif not countersign.is_sealed(claims) then
    perform countersign.refuse_request('token_refused', 'Token has a claim "countersign" without a valid seal');
  elsif known.lock_number is null then
    perform countersign.refuse_request('token_refused', format('Issuer "%s" is not registered', iss));
  end if;

  -- First the lock, then the look: a revocation waits for this transaction to end, and one that came first
  -- has committed by the time the next statement takes its snapshot.
  execute 'lock table countersign_locks.request_' || known.lock_number || ' in row exclusive mode';
  select l.*, l.xmax into found_key from countersign.live l
  where l.issuer = iss and l.kid = case when claims -> 'countersign' ? 'rule' then 'rule:' || rule else token_kid end;
  if not found and claims -> 'countersign' ? 'rule' then
    perform countersign.refuse_request('token_refused', format('Rule "%s" is not registered for the issuer', rule));
  elsif not found then
    perform countersign.refuse_request('token_refused', 'Key is not registered for the issuer');
  elsif current_setting('transaction_isolation') <> 'read committed' and countersign.was_replaced(found_key.xmax) then
    perform countersign.refuse_request('registry_unavailable', 'The issuer changed after this transaction took its snapshot');
  elsif not found_key.issuer_is_active then
    perform countersign.refuse_request('token_refused', format('Issuer "%s" is not active', iss));
  elsif not found_key.key_is_active and rule is not null then
    perform countersign.refuse_request('token_refused', format('Rule "%s" of issuer "%s" or its provider is not active', rule, iss));
  elsif token_kid = any (found_key.revoked_kids) then
    perform countersign.refuse_request('token_refused', format('Key "%s" of the provider of rule "%s" is revoked', token_kid, rule));
  elsif not found_key.key_is_active then
    perform countersign.refuse_request('token_refused', format('Key "%s" of issuer "%s" is revoked', token_kid, iss));
  -- 5 seconds, the verifier's tolerance: its clock is not ours, and the request took time to get here.
  elsif found_key.not_before > clock_timestamp() + interval '5 seconds'
    or found_key.not_after < clock_timestamp() - interval '5 seconds'
  then
    perform countersign.refuse_request('token_refused', format('Key "%s" of issuer "%s" is not current', token_kid, iss));
  elsif iat < found_key.reject_issued_before then
    perform countersign.refuse_request('token_refused', format('Token of issuer "%s" was issued before its cut-off', iss));
  elsif (claims ->> 'role' = any (found_key.allowed_roles)) is not true then
    perform countersign.refuse_request('role_not_allowed', format('Issuer "%s" is not allowed the role', iss));
  -- With another jwt-role-claim-key, a claim that the issuer fills would decide who the request is.
  elsif claims ->> 'role' is distinct from current_setting('role') then
    perform countersign.refuse_request(
      'role_not_allowed', format('PostgREST took the role of issuer "%s" from another claim: set its jwt-role-claim-key to ".role"', iss)
    );
  end if;

  if found_key.single_use and current_setting('transaction_read_only') = 'off' then
    -- The token that the issuer signed verifies until iat + lifetime at the latest, give or take tolerances; one that
    -- it was exchanged for before the issuer became single_use, for 15 minutes more.
    perform countersign.use_token_once(
      iss, claims #>> '{countersign,jti}',
      to_timestamp(least(iat, extract(epoch from now()))::float8)
        + make_interval(secs => found_key.max_token_lifetime + case when claims ? 'iat' then 900 else 0 end + 300)
    );
  end if;
  return known.chained;
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
  'PostgREST''s pre-request function (pgrst.db_pre_request). Refuses a countersigned token whose issuer or key, or rule or provider, is not active now, and a token that names a registered issuer but is not countersigned; leaves every other request alone. Then calls the pre-request function that was there before. guard_enable() installs it.';

select countersign.ensure_row_security('countersign.used_tokens', false);
select countersign.ensure_row_security('countersign.guard_state', false);
select countersign.ensure_grants('table countersign.used_tokens', '{}');
select countersign.ensure_grants('table countersign.guard_state', '{}');
select countersign.ensure_grants('function countersign.refuse_request(text, text)', '{}');
select countersign.ensure_grants('function countersign.was_replaced(xid)', '{}');
select countersign.ensure_grants('function countersign.use_token_once(text, text, timestamptz)', '{}');
-- PostgREST runs the pre-request function as whatever role the token names.
select countersign.ensure_grants('function countersign.check_token()', array['execute to public']);
select countersign.ensure_grants('function countersign.check_request()', array['execute to public']);

select countersign.end_migration();
