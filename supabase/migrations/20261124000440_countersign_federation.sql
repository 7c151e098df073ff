-- Countersign: issuers without a stored key. OIDC providers, and the rules by which their tokens act as an issuer.
select countersign.begin_migration();
select countersign.begin_migration();

create table if not exists public.jwt_oidc_providers (
  issuer text primary key
    constraint jwt_oidc_providers_issuer_is_an_https_url check (
      countersign.is_https_url(issuer) and issuer !~ '[?]'
    )
    constraint jwt_oidc_providers_issuer_is_not_the_target check (issuer !~* '/auth/v1/*$'),
  is_active boolean not null default true,
  keys_from text not null default 'discovery'
    constraint jwt_oidc_providers_keys_from_is_known check (keys_from in ('discovery', 'jwks_uri', 'jwks')),
  jwks_uri text
    constraint jwt_oidc_providers_jwks_uri_is_an_https_url check (countersign.is_https_url(jwks_uri)),
  jwks jsonb
    constraint jwt_oidc_providers_jwks_is_public check (countersign.is_public_jwks(jwks)),
  algorithms text[] not null default '{RS256}'
    constraint jwt_oidc_providers_algorithms_are_known check (
      coalesce(pg_catalog.array_ndims(algorithms), 0) = 1
      and algorithms <@ array['RS256', 'RS384', 'RS512', 'PS256', 'ES256', 'ES384', 'EdDSA']
    ),
  allow_private boolean not null default false,
  description text
    constraint jwt_oidc_providers_description_is_short check (pg_catalog.char_length(description) <= 1000),
  created_at timestamptz not null default pg_catalog.now(),
  updated_at timestamptz not null default pg_catalog.now(),
  constraint jwt_oidc_providers_keys_are_where_they_come_from check (
    (keys_from = 'jwks_uri') = (jwks_uri is not null) and (keys_from = 'jwks') = (jwks is not null)
  )
);
comment on table public.jwt_oidc_providers is
  'OpenID Connect providers whose tokens a rule may accept. One without a rule lets nobody in.';
comment on column public.jwt_oidc_providers.issuer is 'The iss claim of its tokens, compared exactly. Can''t be changed.';
comment on column public.jwt_oidc_providers.is_active is 'false refuses every token of this provider, whatever its rules.';
comment on column public.jwt_oidc_providers.keys_from is
  'Where its keys are: "discovery" (<issuer>/.well-known/openid-configuration), "jwks_uri", or "jwks": in this row, and nothing is fetched.';
comment on column public.jwt_oidc_providers.jwks_uri is 'The URL of its JSON Web Key Set, if keys_from is "jwks_uri".';
comment on column public.jwt_oidc_providers.jwks is 'Its JSON Web Key Set, if keys_from is "jwks". Public keys only.';
comment on column public.jwt_oidc_providers.algorithms is 'JWS algorithms that its tokens may be signed with.';
comment on column public.jwt_oidc_providers.allow_private is
  'Whether its keys may be fetched from a private or loopback address. For a provider inside your own network.';
comment on column public.jwt_oidc_providers.description is 'For people.';

create table if not exists public.jwt_federation_rules (
  name text primary key
    constraint jwt_federation_rules_name_fits_a_header check (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$'),
  provider text not null
    constraint jwt_federation_rules_provider_fkey references public.jwt_oidc_providers (issuer) on delete cascade,
  issuer text not null
    constraint jwt_federation_rules_issuer_fkey references public.jwt_issuers (issuer) on delete cascade,
  is_active boolean not null default true,
  audiences text[] not null
    constraint jwt_federation_rules_audiences_are_names check (
      countersign.is_name_list(audiences) and pg_catalog.cardinality(audiences) > 0
    ),
  conditions jsonb not null
    constraint jwt_federation_rules_conditions_are_well_formed check (countersign.are_conditions(conditions)),
  subject text not null
    constraint jwt_federation_rules_subject_is_a_template check (countersign.is_subject_template(subject)),
  claims jsonb not null default '{}'
    constraint jwt_federation_rules_claims_are_a_map check (countersign.is_claims_map(claims)),
  role text
    constraint jwt_federation_rules_role_is_a_name check (countersign.is_name(role)),
  max_token_lifetime interval not null default '1 hour'
    constraint jwt_federation_rules_max_token_lifetime_is_sane check (
      countersign.lifetime_seconds(max_token_lifetime) is not null
    ),
  mode text not null default 'enforce'
    constraint jwt_federation_rules_mode_is_known check (mode in ('enforce', 'observe')),
  description text
    constraint jwt_federation_rules_description_is_short check (pg_catalog.char_length(description) <= 1000),
  created_at timestamptz not null default pg_catalog.now(),
  updated_at timestamptz not null default pg_catalog.now()
);
select countersign.ensure(pg_catalog.to_regclass('public.jwt_federation_rules_provider_idx') is not null, $ddl$
create index if not exists jwt_federation_rules_provider_idx on public.jwt_federation_rules (provider)
$ddl$);
select countersign.ensure(pg_catalog.to_regclass('public.jwt_federation_rules_issuer_idx') is not null, $ddl$
create index if not exists jwt_federation_rules_issuer_idx on public.jwt_federation_rules (issuer)
$ddl$);
comment on table public.jwt_federation_rules is
  'Which tokens of a provider act as which issuer. Exactly one active rule has to match a token.';
comment on column public.jwt_federation_rules.name is
  'The rule''s name: it goes downstream in the mark, and a caller may name it in the header Countersign-Rule. Can''t be changed.';
comment on column public.jwt_federation_rules.provider is 'Whose tokens. Can''t be changed.';
comment on column public.jwt_federation_rules.issuer is
  'Whose policy applies, and whose name goes downstream as iss. Can''t be changed.';
comment on column public.jwt_federation_rules.is_active is 'false revokes the rule.';
comment on column public.jwt_federation_rules.audiences is 'Values of aud of which a token must name one.';
comment on column public.jwt_federation_rules.conditions is
  'Claim path, and what the claim has to be: a value, a list of values, or a prefix ending in "*" (no "/" and no ":" beyond it) or "**" (anything). All have to hold.';
comment on column public.jwt_federation_rules.subject is 'What becomes sub: text with {claim path} in places.';
comment on column public.jwt_federation_rules.claims is
  'Further claims: downstream name, and the path of the claim that it is taken from. The issuer''s policy has to allow them.';
comment on column public.jwt_federation_rules.role is 'The role to act in, one of the issuer''s. null: the issuer''s default.';
comment on column public.jwt_federation_rules.max_token_lifetime is
  'Most time between iat and exp of the provider''s token: 1 second to 1 day. Takes the place of the issuer''s.';
comment on column public.jwt_federation_rules.mode is
  '"enforce", or "observe": the rule is tried and reported, and lets nobody in.';
comment on column public.jwt_federation_rules.description is 'For people.';

create table if not exists public.jwt_revoked_provider_keys (
  provider text not null
    constraint jwt_revoked_provider_keys_provider_fkey references public.jwt_oidc_providers (issuer) on delete cascade,
  kid text not null
    constraint jwt_revoked_provider_keys_kid_is_a_thumbprint check (kid ~ '^[A-Za-z0-9_-]{43}$'),
  description text
    constraint jwt_revoked_provider_keys_description_is_short check (pg_catalog.char_length(description) <= 1000),
  revoked_at timestamptz not null default pg_catalog.now(),
  primary key (provider, kid)
);
comment on table public.jwt_revoked_provider_keys is
  'Keys of providers that are refused here, whatever the provider says of them. Deleting a row accepts the key again.';
comment on column public.jwt_revoked_provider_keys.kid is
  'The key''s thumbprint (RFC 7638, SHA-256, base64url), not the kid that the provider gives it.';
comment on column public.jwt_revoked_provider_keys.description is 'For people.';

-- One iss means one thing: were it a provider's and an issuer's, which check a token gets would be the token's
-- choice. One table, because two transactions that add it at the same time see only a shared unique index.
create table if not exists countersign.issuer_names (
  name text primary key,
  is_provider boolean not null
);
comment on table countersign.issuer_names is
  'Every iss that the registry knows: an issuer''s or a provider''s, never both. Kept by triggers of the two tables.';

create or replace function countersign.claim_issuer_name() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  wants_provider constant boolean := tg_table_name = 'jwt_oidc_providers';
begin
  if tg_op = 'DELETE' then
    delete from countersign.issuer_names n where n.name = old.issuer and n.is_provider = wants_provider;
    return null;
  end if;
  insert into countersign.issuer_names (name, is_provider) values (new.issuer, wants_provider) on conflict do nothing;
  if not found and not exists (
    select from countersign.issuer_names n where n.name = new.issuer and n.is_provider = wants_provider
  ) then
    raise exception 'The name "%" is %', new.issuer, case when wants_provider then 'an issuer''s' else 'an OIDC provider''s' end
      using errcode = 'unique_violation',
        hint = 'Whose keys verify a token is decided by its iss, so one name is either an issuer or a provider';
  end if;
  return null;
end $$;

create or replace function countersign.keep_times() returns trigger
language plpgsql security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
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

create or replace function countersign.before_provider_change() returns trigger
language plpgsql security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if new.issuer <> old.issuer then
    raise exception 'A provider cannot be renamed' using errcode = 'check_violation',
      hint = 'Add the new one and deactivate the old one';
  end if;
  return new;
end $$;

create or replace function countersign.before_rule_change() returns trigger
language plpgsql security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  owner_claims text[];
begin
  if tg_op = 'UPDATE' and (new.name, new.provider, new.issuer) is distinct from (old.name, old.provider, old.issuer) then
    raise exception 'A rule keeps its name, its provider and its issuer' using errcode = 'check_violation',
      hint = 'Add another rule and deactivate this one';
  end if;
  if tg_op = 'INSERT' then
    -- A provider that is being deactivated has to know of this rule, or this rule of that.
    perform from public.jwt_oidc_providers p where p.issuer = new.provider for share;
  end if;
  -- Only what is added: what has become unsafe must not stand in the way of a revocation.
  if tg_op = 'INSERT' or new.conditions <> old.conditions or new.is_active and not old.is_active then
    owner_claims := countersign.missing_owner_claims(new.provider, new.conditions);
    if owner_claims is not null then
      raise exception 'Rule "%" names no owner: anybody can get a token from "%"', new.name, new.provider
        using errcode = 'check_violation', column = 'conditions',
          hint = format(
            'Add a condition on one of: %s. A "*" may stand only behind the owner''s name', array_to_string(owner_claims, ', ')
          );
    end if;
  end if;
  if new.role is not null and (tg_op = 'INSERT' or new.role is distinct from old.role) and not exists (
    select from public.jwt_issuers i where i.issuer = new.issuer and new.role = any (i.allowed_roles)
  ) then
    raise exception 'Role "%" is not among the roles of issuer "%"', new.role, new.issuer
      using errcode = 'check_violation', column = 'role', hint = 'Add it to the issuer''s allowed_roles first';
  end if;
  return new;
end $$;

create or replace function countersign.before_key_revocation() returns trigger
language plpgsql security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'UPDATE' and (new.provider, new.kid, new.revoked_at) is distinct from (old.provider, old.kid, old.revoked_at) then
    raise exception 'A revoked key cannot be changed' using errcode = 'check_violation',
      hint = 'Insert the other key as a row of its own';
  end if;
  -- A rule that is being added has to know of this key, or this revocation of that.
  perform from public.jwt_oidc_providers p where p.issuer = new.provider for no key update;
  return new;
end $$;

select countersign.ensure_trigger($ddl$
create or replace trigger claim_name after insert or delete on public.jwt_issuers
  for each row execute function countersign.claim_issuer_name()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger claim_name after insert or delete on public.jwt_oidc_providers
  for each row execute function countersign.claim_issuer_name()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger before_change before update on public.jwt_oidc_providers
  for each row execute function countersign.before_provider_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger before_change before insert or update on public.jwt_federation_rules
  for each row execute function countersign.before_rule_change()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger before_change before insert or update on public.jwt_revoked_provider_keys
  for each row execute function countersign.before_key_revocation()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger keep_times before insert or update on public.jwt_oidc_providers
  for each row execute function countersign.keep_times()
$ddl$);
select countersign.ensure_trigger($ddl$
create or replace trigger keep_times before insert or update on public.jwt_federation_rules
  for each row execute function countersign.keep_times()
$ddl$);

-- Issuers that were registered while the trigger was not there.
insert into countersign.issuer_names (name, is_provider)
select i.issuer, false from public.jwt_issuers i
where not exists (select from countersign.issuer_names n where n.name = i.issuer)
on conflict do nothing;

select countersign.ensure_row_security('public.jwt_oidc_providers', true);
select countersign.ensure_row_security('public.jwt_federation_rules', true);
select countersign.ensure_row_security('public.jwt_revoked_provider_keys', true);
select countersign.ensure_row_security('countersign.issuer_names', false);
select countersign.ensure_grants('table public.jwt_oidc_providers', array[
  'select to service_role', 'insert to service_role', 'update to service_role', 'delete to service_role'
]);
select countersign.ensure_grants('table public.jwt_federation_rules', array[
  'select to service_role', 'insert to service_role', 'update to service_role', 'delete to service_role'
]);
select countersign.ensure_grants('table public.jwt_revoked_provider_keys', array[
  'select to service_role', 'insert to service_role', 'update to service_role', 'delete to service_role'
]);
select countersign.ensure_grants('table countersign.issuer_names', '{}');
select countersign.ensure_grants('function countersign.claim_issuer_name()', '{}');
select countersign.ensure_grants('function countersign.keep_times()', '{}');
select countersign.ensure_grants('function countersign.before_provider_change()', '{}');
select countersign.ensure_grants('function countersign.before_rule_change()', '{}');
select countersign.ensure_grants('function countersign.before_key_revocation()', '{}');

select countersign.end_migration();
