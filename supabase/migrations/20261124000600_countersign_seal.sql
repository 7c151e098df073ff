-- Countersign: the seal, which proves to the database that the proxy made a token.
select countersign.begin_migration();
select countersign.begin_migration();

-- HMAC-SHA-256 (RFC 2104) from the sha256() that every Postgres has. Both pads are kept, because computing
-- them takes longer than the rest.
create table if not exists countersign.seal_keys (
  id text primary key check (id ~ '^[0-9a-f]{12}$'),
  secret bytea not null check (pg_catalog.octet_length(secret) = 32),
  inner_pad bytea not null check (pg_catalog.octet_length(inner_pad) = 64),
  outer_pad bytea not null check (pg_catalog.octet_length(outer_pad) = 64),
  created_at timestamptz not null default pg_catalog.clock_timestamp(),
  accepted_until timestamptz
);
comment on table countersign.seal_keys is
  'Keys of the seal, made here and handed to the proxy with the registry. The newest seals; the others are accepted until their time.';

create or replace function countersign.add_seal_key() returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  -- 488 random bits, of the strong source that gen_random_uuid() reads.
  secret constant bytea := sha256(
    uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
  );
  id constant text := left(encode(sha256(uuid_send(gen_random_uuid())), 'hex'), 12);
  inner_pad bytea := decode(repeat('36', 64), 'hex');
  outer_pad bytea := decode(repeat('5c', 64), 'hex');
begin
  for at in 0..31 loop
    inner_pad := set_byte(inner_pad, at, get_byte(secret, at) # 54);
    outer_pad := set_byte(outer_pad, at, get_byte(secret, at) # 92);
  end loop;
  insert into countersign.seal_keys (id, secret, inner_pad, outer_pad) values (id, secret, inner_pad, outer_pad);
  return id;
end $$;
comment on function countersign.add_seal_key() is
  'Makes a key of the seal, and returns its id.';

do $$
begin
  if not exists (select from countersign.seal_keys k where k.accepted_until is null) then
    perform countersign.add_seal_key();
  end if;
end $$;

create or replace function countersign.rotate_seal(overlap interval default '1 hour') returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  seconds constant numeric := extract(epoch from overlap);
  added text;
begin
  if (seconds between 0 and 2592000 and extract(year from overlap) = 0 and extract(month from overlap) = 0) is not true then
    raise exception 'Expected an overlap of at most 30 days' using errcode = 'invalid_parameter_value';
  end if;
  lock table countersign.seal_keys in share row exclusive mode;
  added := countersign.add_seal_key();
  update countersign.seal_keys k
  set accepted_until = clock_timestamp() + make_interval(secs => seconds::float8)
  where k.id <> added and (k.accepted_until is null or k.accepted_until > clock_timestamp() + make_interval(secs => seconds::float8));
  delete from countersign.seal_keys k where k.accepted_until < clock_timestamp() - interval '1 day';
  perform countersign.grow_revision();
  perform pg_notify('countersign_registry', '');
  return added;
end $$;
comment on function countersign.rotate_seal(interval) is
  'Makes a new key of the seal. The old ones are accepted for the overlap, in which every proxy reads the new one; 0 refuses at once what was sealed with them. Returns the new key''s id.';

-- jsonb prints a number with the zeros it was given, and PostgREST spells a fraction in its own way before Postgres sees
-- it. Strings are matched first, so that nothing within them is taken for a number.
create or replace function countersign.trim_fractions(canonical text) returns text
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
return pg_catalog.regexp_replace(
  canonical, '("(?:[^"\\]|\\.)*")|(\.[0-9]*[1-9])0+(?![0-9])|\.0+(?![0-9])', '\1\2', 'g'
);
comment on function countersign.trim_fractions(text) is
  'The text of a jsonb with every number as trim_scale() of it would print.';

-- Digests of both values are compared: how far two digests agree tells nothing about how far the values do, so
-- the time that the comparison takes does not help to guess one.
create or replace function countersign.is_sealed(claims jsonb) returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  seal constant text := claims #>> '{countersign,seal}';
  canonical text;
  trimmed text;
  mac bytea;
  given bytea;
  key record;
begin
  if (seal ~ '^[0-9a-f]{12}\.[A-Za-z0-9_-]{43}$') is not true then
    return false;
  end if;
  select k.inner_pad, k.outer_pad into key
  from countersign.seal_keys k
  where k.id = split_part(seal, '.', 1) and (k.accepted_until is null or k.accepted_until > clock_timestamp());
  if not found then
    return false;
  end if;
  given := sha256(convert_to(split_part(seal, '.', 2), 'UTF8'));
  canonical := (claims #- '{countersign,seal}')::text;
  loop
    mac := sha256(key.outer_pad || sha256(key.inner_pad || convert_to(canonical, 'UTF8')));
    if sha256(convert_to(translate(encode(mac, 'base64'), '+/=', '-_'), 'UTF8')) = given then
      return true;
    end if;
    trimmed := countersign.trim_fractions(canonical);
    if trimmed = canonical then
      return false;
    end if;
    canonical := trimmed;
  end loop;
end $$;
comment on function countersign.is_sealed(jsonb) is
  'Whether the claims carry the seal of a key that is accepted, over all of them as jsonb prints them.';

select countersign.ensure_row_security('countersign.seal_keys', false);
select countersign.ensure_grants('table countersign.seal_keys', '{}');
select countersign.ensure_grants('function countersign.add_seal_key()', '{}');
select countersign.ensure_grants('function countersign.rotate_seal(interval)', '{}');
select countersign.ensure_grants('function countersign.trim_fractions(text)', '{}');
select countersign.ensure_grants('function countersign.is_sealed(jsonb)', '{}');

select countersign.end_migration();
