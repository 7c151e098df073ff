-- Countersign 2/6: the registry of issuers and keys, and what makes a row valid.
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

-- A key's id is a hash of its bytes, so two spellings of one key would be two keys: revoke one, and the
-- other still verifies; register it for two issuers, and each can sign for both. So exactly one encoding
-- of each key is accepted: RFC 5280 SubjectPublicKeyInfo in DER as every mainstream tool writes it.
-- Whether the numbers make a good key (a point on the curve, a modulus without small factors) is for the
-- verifier's importPublicKey, which registration tools run as well.
create or replace function countersign.spki(pem text) returns bytea
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  body text;
  der bytea;
  head text;
  n_length int;
  e_length int;
begin
  if length(pem) > 8192 then
    raise exception 'Public key is too long: expected at most 8192 characters' using errcode = 'check_violation';
  elsif pem ~ 'PRIVATE KEY' then
    raise exception 'Expected a public key, got a private one: treat it as disclosed and make a new pair'
      using errcode = 'check_violation', hint = 'The public half comes from: openssl pkey -in <file> -pubout';
  elsif pem ~ 'BEGIN CERTIFICATE' then
    raise exception 'Expected a public key, got a certificate' using errcode = 'check_violation',
      hint = 'Take its key out: openssl x509 -in <file> -noout -pubkey';
  elsif pem ~ 'BEGIN RSA PUBLIC KEY' then
    raise exception 'Expected an SPKI public key ("BEGIN PUBLIC KEY"), got PKCS #1' using errcode = 'check_violation',
      hint = 'Convert it: openssl rsa -RSAPublicKey_in -in <file> -pubout';
  end if;
  body := translate(
    substring(pem from '^[ \t\r\n]*-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/= \t\r\n]+)-----END PUBLIC KEY-----[ \t\r\n]*$'),
    E' \t\r\n', ''
  );
  if body is null then
    raise exception 'Expected exactly one PEM block, "-----BEGIN PUBLIC KEY-----" to "-----END PUBLIC KEY-----", and nothing around it'
      using errcode = 'check_violation';
  end if;
  if body !~ '^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$' then
    raise exception 'Public key is not base64 inside its PEM block' using errcode = 'check_violation';
  end if;
  der := decode(body, 'base64');
  if translate(encode(der, 'base64'), E'\n', '') <> body then
    raise exception 'Public key is not canonical base64 inside its PEM block' using errcode = 'check_violation';
  end if;

  head := encode(substring(der for 33), 'hex');
  if head ~ '^302a300506032b6570032100' and octet_length(der) = 44 -- Ed25519, RFC 8410 §4
    or head ~ '^3059301306072a8648ce3d020106082a8648ce3d03010703420004' and octet_length(der) = 91 -- P-256, RFC 5480 §2.1.1
    or head ~ '^3076301006072a8648ce3d020106052b8104002203620004' and octet_length(der) = 120 -- P-384
  then
    return der;
  end if;
  if head ~ '^30..?.?301[03]06072a8648ce3d0201' then
    raise exception 'EC keys have to be on P-256 or P-384, as an uncompressed point on a named curve'
      using errcode = 'check_violation', hint = 'Convert it: openssl ec -pubin -in <file> -pubout -conv_form uncompressed';
  end if;
  if head !~ '^30(81.|82..)?..*2a864886f70d010101' then
    raise exception 'Public key is of no supported kind: expected RSA, P-256, P-384 or Ed25519 in SPKI'
      using errcode = 'check_violation';
  end if;
  -- RSA, RFC 3279 §2.3.1: SEQUENCE { SEQUENCE { rsaEncryption, NULL }, BIT STRING { SEQUENCE { n, e } } }.
  -- 2048 bits make every length of the nest two bytes long, except that of e.
  if head !~ '^3082....300d06092a864886f70d01010105000382....003082....0282' or octet_length(der) < 294 then
    raise exception 'RSA keys need 2048 to 8192 bits, in the DER that openssl writes' using errcode = 'check_violation';
  end if;
  n_length := get_byte(der, 31) * 256 + get_byte(der, 32);
  if n_length not between 257 and 1025 or octet_length(der) < 33 + n_length + 3 then
    raise exception 'RSA keys need 2048 to 8192 bits, in the DER that openssl writes' using errcode = 'check_violation';
  end if;
  e_length := get_byte(der, 33 + n_length + 1);
  if get_byte(der, 33 + n_length) <> 2
    or e_length not between 1 and 5
    or octet_length(der) <> 33 + n_length + 2 + e_length
    or get_byte(der, 2) * 256 + get_byte(der, 3) <> octet_length(der) - 4
    or get_byte(der, 21) * 256 + get_byte(der, 22) <> octet_length(der) - 23
    or get_byte(der, 26) * 256 + get_byte(der, 27) <> octet_length(der) - 28
    -- DER integers are minimal and these are positive: a leading zero only where the next bit is set.
    or get_byte(der, 33) > 127 or (get_byte(der, 33) = 0 and get_byte(der, 34) < 128)
    or get_byte(der, 35 + n_length) > 127
    or (get_byte(der, 35 + n_length) = 0 and (e_length = 1 or get_byte(der, 36 + n_length) < 128))
  then
    raise exception 'RSA key is not in the DER that openssl writes' using errcode = 'check_violation';
  end if;
  if get_byte(der, 32 + n_length) % 2 = 0 then
    raise exception 'RSA modulus is even' using errcode = 'check_violation';
  end if;
  if get_byte(der, octet_length(der) - 1) % 2 = 0 or (e_length = 1 and get_byte(der, 35 + n_length) = 1) then
    raise exception 'RSA exponent has to be odd and greater than 1' using errcode = 'check_violation';
  end if;
  return der;
end $$;
comment on function countersign.spki(text) is
  'The DER inside one PEM block of type PUBLIC KEY. Raises unless it is an RSA (2048 to 8192 bits), P-256, P-384 or Ed25519 key in its one canonical encoding.';

create or replace function countersign.key_id(pem text) returns text
language sql immutable strict parallel safe
return pg_catalog.rtrim(
  pg_catalog.translate(pg_catalog.encode(pg_catalog.sha256(countersign.spki(pem)), 'base64'), '+/', '-_'), '='
);
comment on function countersign.key_id(text) is 'base64url(SHA-256(SPKI DER)): the kid of a public key.';

create or replace function countersign.key_fits(pem text, algorithm text) returns boolean
language sql immutable strict parallel safe
return case pg_catalog.octet_length(countersign.spki(pem))
  when 44 then algorithm = 'EdDSA'
  when 91 then algorithm = 'ES256'
  when 120 then algorithm = 'ES384'
  else algorithm in ('RS256', 'RS384', 'RS512', 'PS256')
end;
comment on function countersign.key_fits(text, text) is 'Whether a key of this kind can verify this algorithm.';

create or replace function countersign.canonical_pem(pem text) returns text
language sql immutable strict parallel safe
return E'-----BEGIN PUBLIC KEY-----\n'
  || pg_catalog.regexp_replace(
    pg_catalog.translate(pg_catalog.encode(countersign.spki(pem), 'base64'), E'\n', ''), '(.{64})(?=.)', E'\\1\n', 'g'
  )
  || E'\n-----END PUBLIC KEY-----\n';
comment on function countersign.canonical_pem(text) is
  'The same key with lines of 64 characters, so that registering it again is the same row again.';

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
    constraint jwt_issuers_reject_issued_before_is_finite check (pg_catalog.isfinite(reject_issued_before)),
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
    constraint jwt_public_keys_not_before_is_finite check (pg_catalog.isfinite(not_before)),
  not_after timestamptz
    constraint jwt_public_keys_not_after_is_finite check (pg_catalog.isfinite(not_after)),
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
    insert into public.jwt_issuers (issuer) values (new.issuer) on conflict do nothing;
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
-- Checks, generated columns and triggers run as whoever writes the row.
revoke all on function
  countersign.is_name(text), countersign.is_name_list(text[]), countersign.spki(text), countersign.key_id(text),
  countersign.key_fits(text, text), countersign.canonical_pem(text), countersign.issuer_lock(text),
  countersign.before_issuer_change(), countersign.before_key_change()
from public, anon, authenticated, service_role;
grant execute on function
  countersign.is_name(text), countersign.is_name_list(text[]), countersign.spki(text), countersign.key_id(text),
  countersign.key_fits(text, text), countersign.canonical_pem(text), countersign.issuer_lock(text)
to service_role;


do $$
begin
  if pg_catalog.current_setting('countersign.migration_lock', true) = 'session' then
    perform pg_catalog.set_config('countersign.migration_lock', '', false);
    perform pg_catalog.pg_advisory_unlock(pg_catalog.hashtextextended('countersign migrations', 0));
  end if;
end $$;
