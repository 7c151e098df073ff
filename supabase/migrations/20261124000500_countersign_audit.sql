-- Countersign: what happened, and in which order.
select countersign.begin_migration();
select countersign.begin_migration();

create table if not exists countersign.revisions (
  lane uuid primary key default pg_catalog.gen_random_uuid(),
  changes bigint not null
);
comment on table countersign.revisions is
  'The registry''s revision is the sum of these rows. A change takes whichever nobody else holds, so that none waits for another, and every commit makes the sum grow.';

create or replace function countersign.revision() returns bigint
language sql stable
set search_path = pg_catalog, pg_temp
return (select coalesce(pg_catalog.sum(r.changes), 0)::bigint from countersign.revisions r);
comment on function countersign.revision() is
  'The registry''s revision. Grows with every statement that writes to it; 0 at first.';

create or replace function countersign.grow_revision() returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    -- A frozen snapshot can't pass over rows that were merged meanwhile.
    insert into countersign.revisions (changes) values (1);
    return;
  end if;
  with merged as (
    delete from countersign.revisions r
    where r.lane in (select free.lane from countersign.revisions free for update skip locked limit 16)
    returning r.changes
  )
  insert into countersign.revisions (changes) select coalesce(sum(merged.changes), 0) + 1 from merged;
end $$;
comment on function countersign.grow_revision() is
  'Adds one to the registry''s revision without waiting for anybody.';

create table if not exists public.jwt_registry_audit (
  id bigint generated always as identity primary key,
  at timestamptz not null default pg_catalog.clock_timestamp(),
  revision bigint not null,
  actor text not null,
  session_role text not null,
  reason text,
  claims jsonb,
  operation text not null check (operation in ('INSERT', 'UPDATE', 'DELETE')),
  table_name text not null,
  issuer text not null,
  kid text,
  before jsonb,
  after jsonb
);
select countersign.ensure(pg_catalog.to_regclass('public.jwt_registry_audit_issuer_idx') is not null, $ddl$
create index if not exists jwt_registry_audit_issuer_idx on public.jwt_registry_audit (issuer, id)
$ddl$);
comment on table public.jwt_registry_audit is
  'Every change of jwt_issuers, jwt_public_keys, jwt_oidc_providers, jwt_federation_rules and jwt_revoked_provider_keys. Append-only: nobody can update, delete or truncate, short of its owner disabling the trigger "append_only".';
comment on column public.jwt_registry_audit.revision is 'The registry''s revision as the change left it; several rows share one if one statement made them, or statements at the same time.';
comment on column public.jwt_registry_audit.actor is 'The role that acted: what SET ROLE had chosen, else the role logged in.';
comment on column public.jwt_registry_audit.session_role is 'The role logged in; "authenticator" for changes over PostgREST.';
comment on column public.jwt_registry_audit.reason is 'Why, as whoever made the change said: the setting countersign.reason, or the request header Countersign-Reason (a JSON text).';
comment on column public.jwt_registry_audit.claims is 'iss, sub, role and session_id of the request''s token, if it came over PostgREST.';
comment on column public.jwt_registry_audit.issuer is 'The iss that the row is about: an issuer''s, or a provider''s for rows of jwt_oidc_providers and jwt_revoked_provider_keys.';
comment on column public.jwt_registry_audit.before is 'The row before (null for INSERT).';
comment on column public.jwt_registry_audit.after is 'The row after (null for DELETE).';

-- What holds rows of the registry is waited for by Postgres itself, which names nobody. So who might is named
-- beforehand, and the wait is bounded: 4 seconds, whatever the session allows.
create or replace function countersign.begin_change() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  allowed constant interval := current_setting('lock_timeout')::interval;
  holders text;
begin
  perform countersign.grow_revision();
  if pg_trigger_depth() > 1 then
    return null;
  end if;
  perform set_config('countersign.lock_timeout', current_setting('lock_timeout'), true);
  if allowed = interval '0' or allowed > interval '4 seconds' then
    perform set_config('lock_timeout', '4s', true);
  end if;
  holders := countersign.describe_sessions(countersign.open_changes());
  if holders is not null then
    raise warning 'The registry has an open change: %', holders
      using hint = 'A change of the same rows fails after 4 seconds. To end it: select pg_terminate_backend(<session>)';
  end if;
  return null;
end $$;

create or replace function countersign.end_change() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if pg_trigger_depth() = 1 then
    perform set_config('lock_timeout', coalesce(nullif(current_setting('countersign.lock_timeout', true), ''), '0'), true);
  end if;
  return null;
end $$;

create or replace function countersign.open_changes() returns int[]
language sql stable
set search_path = pg_catalog, pg_temp
return (
  with changing as (
    select distinct l.pid
    from pg_catalog.pg_locks l
    join pg_catalog.pg_stat_activity a on a.pid = l.pid
    where l.relation in (
        'public.jwt_issuers'::regclass, 'public.jwt_public_keys'::regclass, 'public.jwt_oidc_providers'::regclass,
        'public.jwt_federation_rules'::regclass, 'public.jwt_revoked_provider_keys'::regclass
      )
      and l.granted and l.mode in ('RowShareLock', 'RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
      and l.pid <> pg_catalog.pg_backend_pid()
      and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
      -- Unknown to an owner who may not read other roles' statistics.
      and (a.xact_start < pg_catalog.clock_timestamp() - interval '1 second') is not false
  )
  -- Who waits for one of them is held up as well, and holds up nobody for long.
  select pg_catalog.array_agg(c.pid) from changing c
  where not pg_catalog.pg_blocking_pids(c.pid) && array(select other.pid from changing other)
);
comment on function countersign.open_changes() is
  'Sessions whose transaction has changed or locked rows of the registry, has lasted for more than a second, and does not wait for another such one.';

create or replace function countersign.change_reason() returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  header text;
begin
  header := nullif(current_setting('request.headers', true), '')::jsonb ->> 'countersign-reason';
  return nullif(left(coalesce(nullif(current_setting('countersign.reason', true), ''), header::jsonb #>> '{}'), 500), '');
exception when others then
  -- A header that is no JSON text must not keep a revocation from being made.
  return left(header, 500);
end $$;
comment on function countersign.change_reason() is
  'What the session, or the request, says of why it changes the registry; null if nothing. At most 500 characters.';

create or replace function countersign.record_change() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  before constant jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
  after constant jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
  changed constant jsonb := coalesce(after, before);
  request constant jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
begin
  if before is not distinct from after then
    return null;
  end if;
  insert into public.jwt_registry_audit
    (revision, actor, session_role, reason, claims, operation, table_name, issuer, kid, before, after)
  values (
    countersign.revision(),
    -- current_user is the owner in here; the setting is what the session chose.
    coalesce(nullif(current_setting('role'), 'none'), session_user),
    session_user,
    countersign.change_reason(),
    nullif(
      jsonb_strip_nulls(jsonb_build_object(
        'iss', request -> 'iss', 'sub', request -> 'sub', 'role', request -> 'role', 'session_id', request -> 'session_id'
      )),
      '{}'
    ),
    tg_op,
    tg_table_name,
    coalesce(changed ->> 'issuer', changed ->> 'provider'),
    changed ->> 'kid',
    before,
    after
  );
  perform pg_notify('countersign_registry', coalesce(changed ->> 'provider', changed ->> 'issuer'));
  return null;
end $$;

create or replace function countersign.refuse_change() returns trigger
language plpgsql security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_table_name = 'jwt_registry_audit' then
    raise exception 'The audit log is append-only: % is refused', tg_op using errcode = 'insufficient_privilege',
      hint = 'To prune it, its owner disables the trigger "append_only" for one transaction';
  end if;
  raise exception 'TRUNCATE of % would leave no account of what was removed', tg_table_name
    using errcode = 'insufficient_privilege', hint = 'Use DELETE, which is audited row by row';
end $$;

-- record_change does not fire always: a data restore runs with session_replication_role = replica and brings
-- the audit log that it was dumped with.
select countersign.ensure_trigger($ddl$
create or replace trigger begin_change before insert or delete or update on public.jwt_issuers
  for each statement execute function countersign.begin_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger record_change after insert or delete or update on public.jwt_issuers
  for each row execute function countersign.record_change()
$ddl$, always => false);
-- Its name is the last of all, so that it also covers the waits of the others.
select countersign.ensure_trigger($ddl$
create or replace trigger zz_end_change after insert or delete or update on public.jwt_issuers
  for each statement execute function countersign.end_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger refuse_truncate before truncate on public.jwt_issuers
  for each statement execute function countersign.refuse_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger begin_change before insert or delete or update on public.jwt_public_keys
  for each statement execute function countersign.begin_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger record_change after insert or delete or update on public.jwt_public_keys
  for each row execute function countersign.record_change()
$ddl$, always => false);
-- Its name is the last of all, so that it also covers the waits of the others.
select countersign.ensure_trigger($ddl$
create or replace trigger zz_end_change after insert or delete or update on public.jwt_public_keys
  for each statement execute function countersign.end_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger refuse_truncate before truncate on public.jwt_public_keys
  for each statement execute function countersign.refuse_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger begin_change before insert or delete or update on public.jwt_oidc_providers
  for each statement execute function countersign.begin_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger record_change after insert or delete or update on public.jwt_oidc_providers
  for each row execute function countersign.record_change()
$ddl$, always => false);
select countersign.ensure_trigger($ddl$
create or replace trigger zz_end_change after insert or delete or update on public.jwt_oidc_providers
  for each statement execute function countersign.end_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger refuse_truncate before truncate on public.jwt_oidc_providers
  for each statement execute function countersign.refuse_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger begin_change before insert or delete or update on public.jwt_federation_rules
  for each statement execute function countersign.begin_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger record_change after insert or delete or update on public.jwt_federation_rules
  for each row execute function countersign.record_change()
$ddl$, always => false);
select countersign.ensure_trigger($ddl$
create or replace trigger zz_end_change after insert or delete or update on public.jwt_federation_rules
  for each statement execute function countersign.end_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger refuse_truncate before truncate on public.jwt_federation_rules
  for each statement execute function countersign.refuse_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger begin_change before insert or delete or update on public.jwt_revoked_provider_keys
  for each statement execute function countersign.begin_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger record_change after insert or delete or update on public.jwt_revoked_provider_keys
  for each row execute function countersign.record_change()
$ddl$, always => false);
select countersign.ensure_trigger($ddl$
create or replace trigger zz_end_change after insert or delete or update on public.jwt_revoked_provider_keys
  for each statement execute function countersign.end_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger refuse_truncate before truncate on public.jwt_revoked_provider_keys
  for each statement execute function countersign.refuse_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger append_only before delete or update or truncate on public.jwt_registry_audit
  for each statement execute function countersign.refuse_change()
$ddl$);
select countersign.ensure_row_security('countersign.revisions', false);
select countersign.ensure_grants('sequence public.jwt_registry_audit_id_seq', '{}');
-- One policy for each command: service_role reads, and nobody updates.
do $$
declare
  owner text;
  wanted record;
begin
  select pg_catalog.pg_get_userbyid(c.relowner) into owner
  from pg_catalog.pg_class c where c.oid = 'public.jwt_registry_audit'::regclass;
  perform countersign.ensure(
    (select c.relrowsecurity and c.relforcerowsecurity from pg_catalog.pg_class c where c.oid = 'public.jwt_registry_audit'::regclass),
    'alter table public.jwt_registry_audit enable row level security, force row level security'
  );
  for wanted in
    select * from (values
      ('audit_reading', 'for select', format('%I, service_role', owner), 'using (true)'),
      ('audit_writing', 'for insert', format('%I', owner), 'with check (true)'),
      ('audit_pruning', 'for delete', format('%I', owner), 'using (true)')
    ) as v(name, command, audience, condition)
  loop
    if not exists (
      select from pg_catalog.pg_policy p where p.polrelid = 'public.jwt_registry_audit'::regclass and p.polname = wanted.name
    ) then
      perform countersign.change_schema(format(
        'create policy %I on public.jwt_registry_audit %s to %s %s', wanted.name, wanted.command, wanted.audience, wanted.condition
      ));
    elsif not exists (
      select from pg_catalog.pg_policy p
      where p.polrelid = 'public.jwt_registry_audit'::regclass and p.polname = wanted.name
        and (select r.oid from pg_catalog.pg_roles r where r.rolname = owner) = any (p.polroles)
    ) then
      perform countersign.change_schema(
        format('alter policy %I on public.jwt_registry_audit to %s', wanted.name, wanted.audience)
      );
    end if;
  end loop;
end $$;

select countersign.ensure_grants('table countersign.revisions', '{}');
select countersign.ensure_grants('table public.jwt_registry_audit', array['select to service_role']);
select countersign.ensure_grants('function countersign.revision()', '{}');
select countersign.ensure_grants('function countersign.grow_revision()', '{}');
select countersign.ensure_grants('function countersign.open_changes()', '{}');
select countersign.ensure_grants('function countersign.begin_change()', '{}');
select countersign.ensure_grants('function countersign.end_change()', '{}');
select countersign.ensure_grants('function countersign.change_reason()', '{}');
select countersign.ensure_grants('function countersign.record_change()', '{}');
select countersign.ensure_grants('function countersign.refuse_change()', '{}');

select countersign.end_migration();
