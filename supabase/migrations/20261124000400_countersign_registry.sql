-- Countersign: the registry of issuers and keys, and what makes a row valid.
select countersign.begin_migration();
select countersign.begin_migration();

create or replace function countersign.is_name(name text) returns boolean
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
return pg_catalog.char_length(name) between 1 and 255
  -- Control characters; what no reader can see (Unicode's Default_Ignorable_Code_Point and the empty Braille
  -- pattern) or what reorders what is seen. Two names that look the same would be two issuers.
  and name !~ '[\u0001-\u001F\u007F-\u009F\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B-\u200F\u2028-\u202E\u2060-\u206F\u2800\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFFB\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A\U000E0000-\U000E0FFF]'
  and name !~ '^[ \u00A0\u1680\u2000-\u200A\u202F\u205F\u3000]|[ \u00A0\u1680\u2000-\u200A\u202F\u205F\u3000]$'
  and name is nfc normalized;
comment on function countersign.is_name(text) is
  '1 to 255 visible characters in Unicode''s form NFC, with no white space at either end.';

create or replace function countersign.lifetime_seconds(lifetime interval) returns int
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
-- By seconds: comparing intervals takes a year for 360 days, and adding them does not.
return case
  when extract(year from lifetime) = 0 and extract(month from lifetime) = 0
    and extract(epoch from lifetime) between 1 and 86400
    and extract(epoch from lifetime) = pg_catalog.trunc(extract(epoch from lifetime))
  then extract(epoch from lifetime)::int
end;
comment on function countersign.lifetime_seconds(interval) is
  'A lifetime as whole seconds, or null unless it is 1 second to 1 day and names neither months nor years.';

create or replace function countersign.is_name_list(names text[]) returns boolean
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
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
      countersign.lifetime_seconds(max_token_lifetime) is not null
    ),
  max_exchange_lifetime interval
    constraint jwt_issuers_max_exchange_lifetime_is_sane check (
      max_exchange_lifetime is null or (countersign.lifetime_seconds(max_exchange_lifetime) between 60 and 900) is true
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
select countersign.ensure(
  exists (
    select from pg_catalog.pg_attribute a
    where a.attrelid = 'public.jwt_issuers'::regclass and a.attname = 'max_exchange_lifetime'
  ),
  $ddl$
  alter table public.jwt_issuers add column if not exists max_exchange_lifetime interval
    constraint jwt_issuers_max_exchange_lifetime_is_sane check (
      max_exchange_lifetime is null or (countersign.lifetime_seconds(max_exchange_lifetime) between 60 and 900) is true
    )
  $ddl$
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
comment on column public.jwt_issuers.max_exchange_lifetime is
  'Longest life of a token that this issuer''s are exchanged for, which goes straight to the platform: 1 to 15 minutes. null (the default): none is exchanged. Needs the guard.';
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
select countersign.ensure(pg_catalog.to_regclass('public.jwt_public_keys_issuer_idx') is not null, $ddl$
create index if not exists jwt_public_keys_issuer_idx on public.jwt_public_keys (issuer)
$ddl$);
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

create or replace function countersign.before_issuer_change() returns trigger
language plpgsql security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  refused record;
begin
  if tg_op = 'DELETE' then
    return old;
  end if;
  if tg_op = 'UPDATE' and new.issuer <> old.issuer then
    raise exception 'An issuer cannot be renamed' using errcode = 'check_violation',
      hint = 'Register the new name and deactivate the old one';
  end if;
  -- Only what is added: a role that has become unsafe must not stand in the way of a revocation.
  select added.role_name, countersign.role_refusal(added.role_name) as reason into refused
  from unnest(new.allowed_roles) as added(role_name)
  where (tg_op = 'INSERT' or added.role_name <> all (old.allowed_roles))
    and countersign.role_refusal(added.role_name) is not null
  limit 1;
  if found then
    raise exception 'Role "%" cannot be given to an issuer: it %', refused.role_name, refused.reason
      using errcode = 'check_violation', column = 'allowed_roles',
      hint = 'select countersign.create_writer_role(''<name>'') makes a role that can';
  end if;
  -- Rows of a dump keep their times. Only a superuser, or who was granted it, can set that parameter.
  if current_setting('session_replication_role') = 'replica' then
    return new;
  elsif tg_op = 'INSERT' then
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
  if tg_op = 'DELETE' then
    return old;
  end if;
  if tg_op = 'INSERT' or new.public_key <> old.public_key then
    new.public_key := countersign.canonical_pem(new.public_key);
  end if;
  if tg_op = 'INSERT' then
    if not exists (select from public.jwt_issuers i where i.issuer = new.issuer) then
      insert into public.jwt_issuers (issuer) values (new.issuer) on conflict do nothing;
    end if;
    if current_setting('session_replication_role') <> 'replica' then
      new.created_at := now();
      new.updated_at := now();
    end if;
    return new;
  end if;
  if new.issuer <> old.issuer then
    raise exception 'This key belongs to another issuer: a key has exactly one, for good' using errcode = 'unique_violation',
      hint = 'Make a pair of keys for each issuer and target';
  end if;
  if new.public_key <> old.public_key then
    raise exception 'A public key cannot be changed' using errcode = 'check_violation',
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

select countersign.ensure_trigger($ddl$
create or replace trigger before_change before insert or delete or update on public.jwt_issuers
  for each row execute function countersign.before_issuer_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger before_change before insert or delete or update on public.jwt_public_keys
  for each row execute function countersign.before_key_change()
$ddl$);
select countersign.ensure_row_security('public.jwt_issuers', true);
select countersign.ensure_row_security('public.jwt_public_keys', true);

select countersign.ensure_grants('table public.jwt_issuers', array[
  'select to service_role', 'insert to service_role', 'update to service_role', 'delete to service_role'
]);
select countersign.ensure_grants('table public.jwt_public_keys', array[
  'select to service_role', 'insert to service_role', 'update to service_role', 'delete to service_role'
]);
-- Checks and triggers run them as whoever writes the row.
select countersign.ensure_grants('function countersign.is_name(text)', array['execute to service_role']);
select countersign.ensure_grants('function countersign.is_name_list(text[])', array['execute to service_role']);
select countersign.ensure_grants('function countersign.before_issuer_change()', '{}');
select countersign.ensure_grants('function countersign.before_key_change()', '{}');

select countersign.end_migration();
