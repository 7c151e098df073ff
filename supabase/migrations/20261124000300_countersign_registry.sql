-- Countersign 3/7: the registry of issuers and keys, and what makes a row valid.
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

create or replace function countersign.is_name(name text) returns boolean
language sql immutable strict parallel safe
return pg_catalog.char_length(name) between 1 and 255
  -- Control characters, and those that no reader can see or that reorder what is seen.
  and name !~ '[\u0001-\u001F\u007F-\u009F\u00AD\u200B-\u200F\u2028-\u202E\u2060-\u2069\uFEFF]'
  and name !~ '^[ \u00A0\u1680\u2000-\u200A\u202F\u205F\u3000]|[ \u00A0\u1680\u2000-\u200A\u202F\u205F\u3000]$';
comment on function countersign.is_name(text) is
  '1 to 255 visible characters, with no white space at either end.';

create or replace function countersign.is_name_list(names text[]) returns boolean
language sql immutable strict parallel safe
return coalesce(pg_catalog.array_ndims(names), 1) = 1
  and pg_catalog.cardinality(names) <= 256
  and not exists (
    select from pg_catalog.unnest(names) as listed(name) where (countersign.is_name(listed.name)) is not true
  );
comment on function countersign.is_name_list(text[]) is
  'One dimension, at most 256 elements, each a name; an empty list is one.';

create table if not exists public.jwt_issuers (
  issuer text primary key
    constraint jwt_issuers_issuer_is_a_name check (countersign.is_name(issuer))
    constraint jwt_issuers_issuer_is_not_the_target check (
      issuer !~* '/auth/v1/*$' and pg_catalog.lower(issuer) not in ('supabase', 'supabase-demo')
    ),
  is_active boolean not null default true,
  allowed_roles text[] not null default '{}'
    constraint jwt_issuers_allowed_roles_are_names check (countersign.is_name_list(allowed_roles)),
  default_role text
    constraint jwt_issuers_default_role_is_allowed check (
      default_role is null or default_role = any (allowed_roles)
    ),
  allowed_subjects text[]
    constraint jwt_issuers_allowed_subjects_are_names check (countersign.is_name_list(allowed_subjects))
    constraint jwt_issuers_allowed_subjects_wildcard_at_end check (
      pg_catalog.array_to_string(allowed_subjects, E'\n') !~ '\*[^\n]'
    ),
  allow_user_subjects boolean not null default false,
  allowed_claims text[]
    constraint jwt_issuers_allowed_claims_are_names check (countersign.is_name_list(allowed_claims))
    constraint jwt_issuers_allowed_claims_leave_ours_alone check (not 'countersign' = any (allowed_claims)),
  audiences text[]
    constraint jwt_issuers_audiences_are_names check (
      countersign.is_name_list(audiences) and pg_catalog.cardinality(audiences) > 0
    ),
  max_token_lifetime interval not null default '5 minutes'
    constraint jwt_issuers_max_token_lifetime_is_sane check (
      max_token_lifetime between '1 second' and '1 day'
      and pg_catalog.date_trunc('second', max_token_lifetime) = max_token_lifetime
    ),
  reject_issued_before timestamptz
    constraint jwt_issuers_reject_issued_before_is_sane check (
      reject_issued_before between '1970-01-01 00:00:00+00' and '9999-12-31 00:00:00+00'
    ),
  single_use boolean not null default false,
  mode text not null default 'enforce'
    constraint jwt_issuers_mode_is_known check (mode in ('enforce', 'observe')),
  description text
    constraint jwt_issuers_description_is_short check (pg_catalog.char_length(description) <= 1000),
  created_at timestamptz not null default pg_catalog.now(),
  updated_at timestamptz not null default pg_catalog.now()
);
comment on table public.jwt_issuers is
  'Who may sign tokens for this target, and what those tokens may claim. One row is one issuer and its policy.';
comment on column public.jwt_issuers.issuer is
  'The iss claim, compared exactly. Can''t be changed: it is the identity that policies and the audit log refer to.';
comment on column public.jwt_issuers.is_active is 'false refuses every token of this issuer, whatever its key.';
comment on column public.jwt_issuers.allowed_roles is
  'Postgres roles a token may claim. Empty (the default): every token is refused. Each must be safe when written (countersign.role_refusal) and is checked again whenever it is read.';
comment on column public.jwt_issuers.default_role is 'Role of a token that claims none; one of allowed_roles, or null: such a token is refused.';
comment on column public.jwt_issuers.allowed_subjects is
  'Values of sub: exact, or a prefix ending in "*". null: any that is not a user id. Empty: none.';
comment on column public.jwt_issuers.allow_user_subjects is
  'Whether sub may be a UUID. auth.uid() reads sub and GoTrue''s user ids are UUIDs, so true lets this issuer act as any end user.';
comment on column public.jwt_issuers.allowed_claims is
  'Names of further claims. null: any that is not protected. A protected claim (app_metadata, email, aal, …) has to be named here.';
comment on column public.jwt_issuers.audiences is 'Values of aud of which a token must name one. null: the target''s own.';
comment on column public.jwt_issuers.max_token_lifetime is 'Most time between iat and exp: 1 second to 1 day.';
comment on column public.jwt_issuers.reject_issued_before is 'Tokens whose iat is earlier are refused: revokes tokens without touching keys.';
comment on column public.jwt_issuers.single_use is 'Whether a token commits at most one write. Needs the guard.';
comment on column public.jwt_issuers.mode is
  '"enforce", or "observe": policy refusals are reported, and let through where that is safe.';
comment on column public.jwt_issuers.description is 'For people.';

create table if not exists public.jwt_public_keys (
  issuer text not null
    constraint jwt_public_keys_issuer_fkey references public.jwt_issuers (issuer) on delete cascade,
  public_key text not null,
  algorithm text not null default 'RS256'
    constraint jwt_public_keys_algorithm_is_known check (
      algorithm in ('RS256', 'RS384', 'RS512', 'PS256', 'ES256', 'ES384', 'EdDSA')
    )
    constraint jwt_public_keys_algorithm_fits_the_key check (countersign.key_fits(public_key, algorithm)),
  is_active boolean not null default true,
  not_before timestamptz
    constraint jwt_public_keys_not_before_is_sane check (
      not_before between '1970-01-01 00:00:00+00' and '9999-12-31 00:00:00+00'
    ),
  not_after timestamptz
    constraint jwt_public_keys_not_after_is_sane check (
      not_after between '1970-01-01 00:00:00+00' and '9999-12-31 00:00:00+00'
    ),
  created_at timestamptz not null default pg_catalog.now(),
  updated_at timestamptz not null default pg_catalog.now(),
  kid text generated always as (countersign.key_id(public_key)) stored primary key,
  constraint jwt_public_keys_valid_for_some_time check (not_before < not_after)
);
create index if not exists jwt_public_keys_issuer_idx on public.jwt_public_keys (issuer);
comment on table public.jwt_public_keys is
  'Public keys of issuers, several side by side. State follows from the row: revoked (not active), retired (not_after has passed), standby (not_before is to come), else current. INSERT INTO jwt_public_keys (issuer, public_key) is enough; an issuer that is new appears with no roles.';
comment on column public.jwt_public_keys.issuer is 'Whose key it is, for good.';
comment on column public.jwt_public_keys.public_key is
  'SPKI PEM, stored with lines of 64 characters. Can''t be changed: another key is another row.';
comment on column public.jwt_public_keys.algorithm is 'The one JWS algorithm this key verifies. A token''s header only has to agree.';
comment on column public.jwt_public_keys.is_active is 'false revokes the key.';
comment on column public.jwt_public_keys.not_before is 'When the key begins to verify. null: at once.';
comment on column public.jwt_public_keys.not_after is 'When the key stops verifying. null: never.';
comment on column public.jwt_public_keys.kid is
  'base64url(SHA-256(SPKI DER)), generated. As primary key it ties a key to exactly one issuer.';

-- A request that the guard has let through holds its issuer's lock in shared mode until it ends; whoever
-- changes or removes a row of that issuer takes it in exclusive mode first. So the change waits for writes
-- under way, and what comes later sees the change. Buckets bound how many locks a change of every issuer
-- takes: one per issuer would exhaust the server's lock table, and the revocation with it.
create or replace function countersign.issuer_lock(issuer text) returns int
language sql immutable strict parallel safe
return pg_catalog.hashtext(issuer) & 1023;
comment on function countersign.issuer_lock(text) is
  'Second key of the advisory lock (1668249966, n) that orders an issuer''s requests and changes to its rows.';

create or replace function countersign.before_issuer_change() returns trigger
language plpgsql security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  refused record;
begin
  if tg_op <> 'INSERT' then
    perform pg_advisory_xact_lock(1668249966, countersign.issuer_lock(old.issuer));
  end if;
  if tg_op = 'DELETE' then
    return old;
  end if;
  if tg_op = 'UPDATE' and new.issuer <> old.issuer then
    raise exception 'An issuer can''t be renamed' using errcode = 'check_violation',
      hint = 'Register the new name and deactivate the old one';
  end if;
  -- Only what is added: a role that has become unsafe must not stand in the way of a revocation.
  select added.role_name, countersign.role_refusal(added.role_name) as reason into refused
  from unnest(new.allowed_roles) as added(role_name)
  where (tg_op = 'INSERT' or added.role_name <> all (old.allowed_roles))
    and countersign.role_refusal(added.role_name) is not null
  limit 1;
  if found then
    raise exception 'Role "%" can''t be given to an issuer: it %', refused.role_name, refused.reason
      using errcode = 'check_violation', column = 'allowed_roles',
      hint = 'select countersign.create_writer_role(''<name>'') makes a role that can';
  end if;
  if tg_op = 'INSERT' then
    new.created_at := now();
    new.updated_at := now();
  else
    new.created_at := old.created_at;
    new.updated_at := old.updated_at;
    if new is distinct from old then
      new.updated_at := now();
    end if;
  end if;
  return new;
end $$;

create or replace function countersign.before_key_change() returns trigger
language plpgsql security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op <> 'INSERT' then
    perform pg_advisory_xact_lock(1668249966, countersign.issuer_lock(old.issuer));
  end if;
  if tg_op = 'DELETE' then
    return old;
  end if;
  new.public_key := countersign.canonical_pem(new.public_key);
  if tg_op = 'INSERT' then
    if not exists (select from public.jwt_issuers i where i.issuer = new.issuer) then
      insert into public.jwt_issuers (issuer) values (new.issuer) on conflict do nothing;
    end if;
    new.created_at := now();
    new.updated_at := now();
    return new;
  end if;
  if new.issuer <> old.issuer then
    raise exception 'This key belongs to another issuer: a key has exactly one, for good' using errcode = 'unique_violation',
      hint = 'Make a pair of keys for each issuer and target';
  end if;
  if new.public_key <> old.public_key then
    raise exception 'A public key can''t be changed' using errcode = 'check_violation',
      hint = 'Insert the new key as a row of its own, then revoke the old one';
  end if;
  new.created_at := old.created_at;
  new.updated_at := old.updated_at;
  new.kid := old.kid; -- Generated after this trigger; set so that the comparison sees only real changes.
  if new is distinct from old then
    new.updated_at := now();
  end if;
  return new;
end $$;

create or replace trigger before_change before insert or update or delete on public.jwt_issuers
  for each row execute function countersign.before_issuer_change();
create or replace trigger before_change before insert or update or delete on public.jwt_public_keys
  for each row execute function countersign.before_key_change();
-- ALWAYS: also while session_replication_role is "replica".
alter table public.jwt_issuers enable always trigger before_change;
alter table public.jwt_public_keys enable always trigger before_change;

alter table public.jwt_issuers enable row level security;
alter table public.jwt_issuers force row level security;
alter table public.jwt_public_keys enable row level security;
alter table public.jwt_public_keys force row level security;
-- service_role and the owner bypass row level security on Supabase; where they do not, these let them in.
do $$
declare
  registry record;
begin
  for registry in
    select c.oid, c.relname, pg_catalog.pg_get_userbyid(c.relowner) as owner
    from pg_catalog.pg_class c
    where c.oid in ('public.jwt_issuers'::regclass, 'public.jwt_public_keys'::regclass)
      and not exists (select from pg_catalog.pg_policy p where p.polrelid = c.oid and p.polname = 'registry_administration')
  loop
    execute format(
      'create policy registry_administration on public.%I to %I, service_role using (true) with check (true)',
      registry.relname, registry.owner
    );
  end loop;
end $$;

revoke all on public.jwt_issuers, public.jwt_public_keys from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.jwt_issuers, public.jwt_public_keys to service_role;
-- Checks and triggers run them as whoever writes the row.
revoke all on function
  countersign.is_name(text), countersign.is_name_list(text[]), countersign.issuer_lock(text),
  countersign.before_issuer_change(), countersign.before_key_change()
from public, anon, authenticated, service_role;
grant execute on function
  countersign.is_name(text), countersign.is_name_list(text[]), countersign.issuer_lock(text)
to service_role;


do $$
begin
  if pg_catalog.current_setting('countersign.migration_lock', true) = 'session' then
    perform pg_catalog.set_config('countersign.migration_lock', '', false);
    perform pg_catalog.pg_advisory_unlock(pg_catalog.hashtextextended('countersign migrations', 0));
  end if;
end $$;
