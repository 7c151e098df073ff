-- Countersign 4/7: what happened, and in which order.
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

create table if not exists countersign.registry_state (
  singleton boolean primary key default true check (singleton),
  revision bigint not null,
  changed_by bigint not null
);
alter table countersign.registry_state enable row level security;
comment on table countersign.registry_state is
  'The registry''s revision (none yet: 0). Its row lock, held to the end of the transaction, makes changes commit in the order of their revisions. changed_by is the transaction id of the latest change.';

-- Not transactional on purpose: readable inside a frozen snapshot (see countersign.check_token).
create sequence if not exists countersign.last_change as bigint;
comment on sequence countersign.last_change is
  'Transaction id of the latest registry change, also of one that has not committed or never will.';

create table if not exists public.jwt_registry_audit (
  id bigint generated always as identity primary key,
  at timestamptz not null default pg_catalog.clock_timestamp(),
  revision bigint not null,
  actor text not null,
  session_role text not null,
  claims jsonb,
  operation text not null check (operation in ('INSERT', 'UPDATE', 'DELETE')),
  table_name text not null,
  issuer text not null,
  kid text,
  before jsonb,
  after jsonb
);
create index if not exists jwt_registry_audit_issuer_idx on public.jwt_registry_audit (issuer, id);
comment on table public.jwt_registry_audit is
  'Every change of jwt_issuers and jwt_public_keys. Append-only: nobody can update, delete or truncate, short of its owner disabling the trigger "append_only".';
comment on column public.jwt_registry_audit.revision is 'The registry''s revision that the change made; several rows share one if one statement made them.';
comment on column public.jwt_registry_audit.actor is 'The role that acted: what SET ROLE had chosen, else the role logged in.';
comment on column public.jwt_registry_audit.session_role is 'The role logged in; "authenticator" for changes over PostgREST.';
comment on column public.jwt_registry_audit.claims is 'iss, sub, role and session_id of the request''s token, if it came over PostgREST.';
comment on column public.jwt_registry_audit.before is 'The row before (null for INSERT).';
comment on column public.jwt_registry_audit.after is 'The row after (null for DELETE).';

create or replace function countersign.begin_change() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into countersign.registry_state as state (revision, changed_by)
  values (1, pg_current_xact_id()::text::bigint)
  on conflict (singleton) do update set revision = state.revision + 1, changed_by = excluded.changed_by;
  perform setval('countersign.last_change', pg_current_xact_id()::text::bigint);
  return null;
end $$;

create or replace function countersign.record_change() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  before constant jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
  after constant jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
  request constant jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
begin
  if before is not distinct from after then
    return null;
  end if;
  insert into public.jwt_registry_audit
    (revision, actor, session_role, claims, operation, table_name, issuer, kid, before, after)
  values (
    (select revision from countersign.registry_state),
    -- current_user is the owner in here; the setting is what the session chose.
    coalesce(nullif(current_setting('role'), 'none'), session_user),
    session_user,
    nullif(
      jsonb_strip_nulls(jsonb_build_object(
        'iss', request -> 'iss', 'sub', request -> 'sub', 'role', request -> 'role', 'session_id', request -> 'session_id'
      )),
      '{}'
    ),
    tg_op,
    tg_table_name,
    coalesce(after, before) ->> 'issuer',
    coalesce(after, before) ->> 'kid',
    before,
    after
  );
  perform pg_notify('countersign_registry', coalesce(after, before) ->> 'issuer');
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

create or replace trigger begin_change before insert or update or delete on public.jwt_issuers
  for each statement execute function countersign.begin_change();
create or replace trigger begin_change before insert or update or delete on public.jwt_public_keys
  for each statement execute function countersign.begin_change();
create or replace trigger record_change after insert or update or delete on public.jwt_issuers
  for each row execute function countersign.record_change();
create or replace trigger record_change after insert or update or delete on public.jwt_public_keys
  for each row execute function countersign.record_change();
create or replace trigger refuse_truncate before truncate on public.jwt_issuers
  for each statement execute function countersign.refuse_change();
create or replace trigger refuse_truncate before truncate on public.jwt_public_keys
  for each statement execute function countersign.refuse_change();
create or replace trigger append_only before update or delete or truncate on public.jwt_registry_audit
  for each statement execute function countersign.refuse_change();
-- record_change is not ALWAYS: a data restore runs with session_replication_role = replica and brings the
-- audit log it was dumped with. Only a superuser, or who was granted it, can set that parameter.
alter table public.jwt_issuers enable always trigger begin_change, enable always trigger refuse_truncate;
alter table public.jwt_public_keys enable always trigger begin_change, enable always trigger refuse_truncate;
alter table public.jwt_registry_audit enable always trigger append_only;

alter table public.jwt_registry_audit enable row level security;
alter table public.jwt_registry_audit force row level security;
do $$
declare
  owner text;
begin
  select pg_catalog.pg_get_userbyid(c.relowner) into owner
  from pg_catalog.pg_class c
  where c.oid = 'public.jwt_registry_audit'::regclass
    and not exists (select from pg_catalog.pg_policy p where p.polrelid = c.oid);
  if owner is not null then
    execute format('create policy audit_reading on public.jwt_registry_audit for select to %I, service_role using (true)', owner);
    execute format('create policy audit_writing on public.jwt_registry_audit for insert to %I with check (true)', owner);
    execute format('create policy audit_pruning on public.jwt_registry_audit for delete to %I using (true)', owner);
  end if;
end $$;

revoke all on public.jwt_registry_audit from public, anon, authenticated, service_role;
grant select on public.jwt_registry_audit to service_role;
revoke all on sequence public.jwt_registry_audit_id_seq, countersign.last_change from public, anon, authenticated, service_role;
revoke all on countersign.registry_state from public, anon, authenticated, service_role;
revoke all on function countersign.begin_change(), countersign.record_change(), countersign.refuse_change()
  from public, anon, authenticated, service_role;


do $$
begin
  if pg_catalog.current_setting('countersign.migration_lock', true) = 'session' then
    perform pg_catalog.set_config('countersign.migration_lock', '', false);
    perform pg_catalog.pg_advisory_unlock(pg_catalog.hashtextextended('countersign migrations', 0));
  end if;
end $$;
