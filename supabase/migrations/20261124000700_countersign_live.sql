-- Countersign: what is live, for the guard to read; and how a revocation waits for requests under way.
select countersign.begin_migration();
select countersign.begin_migration();

create table if not exists countersign.live (
  issuer text not null,
  kid text not null,
  lock_number int not null,
  issuer_is_active boolean not null,
  key_is_active boolean not null,
  not_before timestamptz,
  not_after timestamptz,
  reject_issued_before bigint,
  allowed_roles text[] not null,
  single_use boolean not null,
  max_token_lifetime int not null,
  revoked_kids text[] not null default '{}',
  primary key (issuer, kid)
);
select countersign.ensure(
  exists (
    select from pg_catalog.pg_attribute a
    where a.attrelid = 'countersign.live'::regclass and a.attname = 'revoked_kids' and not a.attisdropped
  ),
  'alter table countersign.live add column if not exists revoked_kids text[] not null default ''{}'''
);
comment on table countersign.live is
  'The registry as the guard reads it, with one look: a row for each key, one with the kid "rule:<name>" for each federation rule, and one with an empty kid for each issuer. Kept by triggers of the registry''s tables; applying the migrations again fills it again.';

create sequence if not exists countersign.lock_turn as bigint minvalue 0 start 0;
comment on sequence countersign.lock_turn is
  'Which lock the next issuer gets. Issuers share one only where there are more than 256 of them.';

-- A request that the guard has let through holds the relation of its issuer in ROW EXCLUSIVE mode to the end of
-- its transaction; a change that must not be outrun takes it in SHARE ROW EXCLUSIVE mode. Neither conflicts with
-- the ACCESS SHARE of pg_dump. Relations and not advisory locks, which any login may take and so hold up every
-- revocation, or every request. Partitioned, because those have no file, are never vacuumed and need no key.
create schema if not exists countersign_locks;
comment on schema countersign_locks is
  'Relations that are only ever locked: a request of an issuer against a revocation. They hold nothing.';
do $$
begin
  for number in 0..255 loop
    if pg_catalog.to_regclass(format('countersign_locks.request_%s', number)) is null then
      execute format('create table countersign_locks.request_%s (n int) partition by list (n)', number);
    end if;
  end loop;
end $$;

create or replace function countersign.await_requests(numbers int[]) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  started_at constant timestamptz := clock_timestamp();
  lock_timeout_before constant text := current_setting('lock_timeout');
  relations regclass[];
  waited int;
  tries int;
  holder int;
begin
  select array_agg(format('countersign_locks.request_%s', n)::regclass order by n) into relations from unnest(numbers) as n;
  for place in 1..coalesce(cardinality(relations), 0) loop
    tries := 0;
    loop
      waited := extract(epoch from clock_timestamp() - started_at) * 1000;
      begin
        perform set_config('lock_timeout', greatest(2000 - waited, case tries when 0 then 30 else 200 end) || 'ms', true);
        execute format('lock table %s in share row exclusive mode', relations[place]);
        exit;
      exception when lock_not_available then
        tries := tries + 1;
      end;
      waited := extract(epoch from clock_timestamp() - started_at) * 1000;
      if waited > 4300 then
        raise exception 'Not revoked: it is held up by %', countersign.describe_sessions(array(
          select l.pid from pg_locks l where l.relation = relations[place] and l.granted and l.pid <> pg_backend_pid()
        )) using errcode = 'lock_not_available',
          hint = 'End that session with pg_terminate_backend(<session>) as a role that may, and revoke again';
      end if;
      -- Requests, and never another change of the registry, which holds the stronger lock.
      for holder in
        select distinct l.pid from pg_locks l
        where l.relation = any (relations[place:]) and l.mode = 'RowExclusiveLock' and l.granted
          and (tries <= 4 or l.relation = relations[place])
      loop
        begin
          if tries <= 4 then
            perform pg_cancel_backend(holder);
          else
            perform pg_terminate_backend(holder);
          end if;
        exception when insufficient_privilege then
          null; -- Named in the end.
        end;
      end loop;
    end loop;
  end loop;
  perform set_config('lock_timeout', lock_timeout_before, true);
end $$;
comment on function countersign.await_requests(int[]) is
  'Waits until no request holds these locks, and keeps others from taking them until this transaction ends. Requests get 2 seconds to end, are then cancelled, and a second later terminated. Raises after 5 seconds, and names who holds on.';

create or replace function countersign.wanted_live(issuers text[]) returns setof countersign.live
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select
    i.issuer, k.kid, coalesce(l.lock_number, -1), i.is_active, k.is_active,
    k.not_before, k.not_after, pg_catalog.ceil(extract(epoch from i.reject_issued_before))::bigint,
    case when k.role is null then i.allowed_roles when k.role = any (i.allowed_roles) then array[k.role] else '{}' end,
    i.single_use, coalesce(countersign.lifetime_seconds(coalesce(k.lifetime, i.max_token_lifetime)), 1), k.revoked_kids
  from public.jwt_issuers i
  left join countersign.live l on l.issuer = i.issuer and l.kid = ''
  cross join lateral (
    select
      k.kid, k.is_active, k.not_before, k.not_after, null::text as role, null::interval as lifetime,
      '{}'::text[] as revoked_kids
    from public.jwt_public_keys k
    where k.issuer = i.issuer
    union all
    select
      'rule:' || r.name, r.is_active and r.mode = 'enforce' and p.is_active, null, null, r.role, r.max_token_lifetime,
      array(
        select v.kid from public.jwt_revoked_provider_keys v where v.provider = r.provider order by v.kid collate "C"
      )
    from public.jwt_federation_rules r
    join public.jwt_oidc_providers p on p.issuer = r.provider
    where r.issuer = i.issuer
    union all
    select '', true, null, null, null, null, '{}'
  ) k
  where i.issuer = any (issuers)
$$;
comment on function countersign.wanted_live(text[]) is
  'What countersign.live has to have of these issuers. The lock of an issuer that is new is -1.';

create or replace function countersign.refresh_live(issuers text[]) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  outrun int[];
begin
  -- One change of an issuer at a time: what follows has to see the one before. Written and not only locked, so that
  -- a frozen snapshot which does not show what the one before has added fails, instead of leaving that live.
  perform from countersign.live l where l.issuer = any (issuers) and l.kid = '' order by l.issuer for update;
  update countersign.live l set lock_number = l.lock_number where l.issuer = any (issuers) and l.kid = '';

  -- Only what takes effect at once has to wait: a request that was let through would be refused by now.
  select array_agg(distinct l.lock_number) into outrun
  from countersign.live l
  left join countersign.wanted_live(issuers) w on w.issuer = l.issuer and w.kid = l.kid
  where l.issuer = any (issuers) and l.kid <> '' and l.issuer_is_active and l.key_is_active
    and (
      w.issuer is null
      or not w.issuer_is_active
      or not w.key_is_active
      or w.not_before > now() and w.not_before is distinct from l.not_before
      or w.not_after < now() + interval '5 seconds' and w.not_after is distinct from l.not_after
      or w.reject_issued_before > coalesce(l.reject_issued_before, 0)
      or not l.allowed_roles <@ w.allowed_roles
      or w.single_use and not l.single_use
      or not w.revoked_kids <@ l.revoked_kids
    );
  perform countersign.await_requests(outrun);

  delete from countersign.live l
  where l.issuer = any (issuers)
    and not exists (select from countersign.wanted_live(issuers) w where w.issuer = l.issuer and w.kid = l.kid);
  update countersign.live l
  set issuer_is_active = w.issuer_is_active, key_is_active = w.key_is_active, not_before = w.not_before,
    not_after = w.not_after, reject_issued_before = w.reject_issued_before, allowed_roles = w.allowed_roles,
    single_use = w.single_use, max_token_lifetime = w.max_token_lifetime, revoked_kids = w.revoked_kids
  from countersign.wanted_live(issuers) w
  where w.issuer = l.issuer and w.kid = l.kid
    and (w.issuer_is_active, w.key_is_active, w.not_before, w.not_after, w.reject_issued_before, w.allowed_roles, w.single_use, w.max_token_lifetime, w.revoked_kids)
      is distinct from
      (l.issuer_is_active, l.key_is_active, l.not_before, l.not_after, l.reject_issued_before, l.allowed_roles, l.single_use, l.max_token_lifetime, l.revoked_kids);
  insert into countersign.live
  select w.issuer, '', nextval('countersign.lock_turn') % 256, w.issuer_is_active, true, null, null,
    w.reject_issued_before, w.allowed_roles, w.single_use, w.max_token_lifetime, w.revoked_kids
  from countersign.wanted_live(issuers) w
  where w.kid = '' and w.lock_number = -1
  on conflict do nothing;
  insert into countersign.live
  select w.*
  from countersign.wanted_live(issuers) w
  where w.kid <> '' and not exists (select from countersign.live l where l.issuer = w.issuer and l.kid = w.kid)
  on conflict do nothing;
end $$;
comment on function countersign.refresh_live(text[]) is
  'Brings countersign.live up to these issuers'' rows, and first waits for requests under way that the change refuses.';

create or replace function countersign.publish_change() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform countersign.refresh_live(array(select distinct c.issuer from changed c));
  return null;
end $$;

select countersign.ensure_trigger($ddl$
create or replace trigger publish_insert after insert on public.jwt_issuers
  referencing new table as changed for each statement execute function countersign.publish_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger publish_update after update on public.jwt_issuers
  referencing new table as changed for each statement execute function countersign.publish_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger publish_delete after delete on public.jwt_issuers
  referencing old table as changed for each statement execute function countersign.publish_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger publish_insert after insert on public.jwt_public_keys
  referencing new table as changed for each statement execute function countersign.publish_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger publish_update after update on public.jwt_public_keys
  referencing new table as changed for each statement execute function countersign.publish_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger publish_delete after delete on public.jwt_public_keys
  referencing old table as changed for each statement execute function countersign.publish_change()
$ddl$);

create or replace function countersign.publish_provider_change() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'Expected a provider to be changed in a transaction that is READ COMMITTED'
      using errcode = 'invalid_transaction_state', hint = 'A frozen snapshot may not show every rule of the provider';
  end if;
  perform countersign.refresh_live(array(
    select distinct r.issuer
    from public.jwt_federation_rules r
    join changed c on r.provider = coalesce(to_jsonb(c) ->> 'provider', to_jsonb(c) ->> 'issuer')
  ));
  return null;
end $$;

select countersign.ensure_trigger($ddl$
create or replace trigger publish_insert after insert on public.jwt_federation_rules
  referencing new table as changed for each statement execute function countersign.publish_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger publish_update after update on public.jwt_federation_rules
  referencing new table as changed for each statement execute function countersign.publish_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger publish_delete after delete on public.jwt_federation_rules
  referencing old table as changed for each statement execute function countersign.publish_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger publish_update after update on public.jwt_oidc_providers
  referencing new table as changed for each statement execute function countersign.publish_provider_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger publish_insert after insert on public.jwt_revoked_provider_keys
  referencing new table as changed for each statement execute function countersign.publish_provider_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger publish_delete after delete on public.jwt_revoked_provider_keys
  referencing old table as changed for each statement execute function countersign.publish_provider_change()
$ddl$);

-- What was written while these triggers were not there, or is no longer what they would make of it.
do $$
declare
  stale text[];
begin
  select array_agg(distinct coalesce(l.issuer, w.issuer)) into stale
  from countersign.wanted_live(array(select i.issuer from public.jwt_issuers i)) w
  full join countersign.live l on l.issuer = w.issuer and l.kid = w.kid
  where w is distinct from l;
  if stale is not null then
    perform countersign.refresh_live(stale);
  end if;
end $$;

select countersign.ensure_row_security('countersign.live', false);
select countersign.ensure_grants('table countersign.live', '{}');
select countersign.ensure_grants('sequence countersign.lock_turn', '{}');
select countersign.ensure_grants('schema countersign_locks', '{}');
do $$
begin
  for number in 0..255 loop
    perform countersign.ensure_grants(format('table countersign_locks.request_%s', number), '{}');
  end loop;
end $$;
select countersign.ensure_grants('function countersign.await_requests(int[])', '{}');
select countersign.ensure_grants('function countersign.wanted_live(text[])', '{}');
select countersign.ensure_grants('function countersign.refresh_live(text[])', '{}');
select countersign.ensure_grants('function countersign.publish_change()', '{}');
select countersign.ensure_grants('function countersign.publish_provider_change()', '{}');

select countersign.end_migration();
