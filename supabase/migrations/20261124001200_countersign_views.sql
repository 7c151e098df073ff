-- Countersign: what the proxy reads.
select countersign.begin_migration();
select countersign.begin_migration();

create or replace function countersign.version() returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
return '20261124001200';
comment on function countersign.version() is
  'Which migrations were applied last: the time stamp of the newest.';
select countersign.ensure_grants('function countersign.version()', array['execute to countersign_reader', 'execute to service_role']);

-- A GRANT … ON ALL TABLES IN SCHEMA public reaches these views. So they ask for themselves who reads, and it
-- stays an error: a proxy that was handed an empty registry would refuse everybody.
create or replace function countersign.require_reader() returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if current_user = 'service_role' or pg_has_role(current_user, 'countersign_reader', 'USAGE')
    or pg_has_role(current_user, (select c.relowner from pg_class c where c.oid = 'public.jwt_issuers'::regclass), 'USAGE')
  then
    return true;
  end if;
  raise exception 'Role "%" may not read the registry', current_user using errcode = 'insufficient_privilege',
    hint = 'Use the service key, or grant countersign_reader to the role';
end $$;
comment on function countersign.require_reader() is
  'True for those who may read the registry; raises for everybody else.';

select countersign.ensure_view($ddl$
create or replace view public.jwt_issuer_policies as
select
  i.issuer,
  i.is_active and countersign.lifetime_seconds(i.max_token_lifetime) is not null as is_active,
  safe.roles as allowed_roles,
  case when i.default_role = any (safe.roles) then i.default_role end as default_role,
  i.allowed_subjects,
  i.allow_user_subjects,
  i.allowed_claims,
  i.audiences,
  coalesce(countersign.lifetime_seconds(i.max_token_lifetime), 1) as max_token_lifetime,
  ceil(extract(epoch from i.reject_issued_before))::bigint as reject_issued_before,
  i.single_use,
  i.mode,
  coalesce(
    (
      select jsonb_agg(
        jsonb_build_object(
          'kid', k.kid,
          'algorithm', k.algorithm,
          'public_key', k.public_key,
          'not_before', ceil(extract(epoch from k.not_before))::bigint,
          'not_after', floor(extract(epoch from k.not_after))::bigint
        )
        order by k.created_at desc, k.kid
      )
      from public.jwt_public_keys k
      where k.issuer = i.issuer and k.is_active
        and (k.not_after is null or k.not_after > now() - interval '1 day')
    ),
    '[]'
  ) as keys,
  array(
    select k.kid
    from public.jwt_public_keys k
    where k.issuer = i.issuer and not k.is_active
    order by k.updated_at desc, k.kid
    limit 100
  ) as revoked_kids,
  case
    when countersign.lifetime_seconds(i.max_exchange_lifetime) between 60 and 900
      then countersign.lifetime_seconds(i.max_exchange_lifetime)
  end as max_exchange_lifetime
from public.jwt_issuers i
cross join lateral (
  select array(
    select listed.role_name
    from unnest(i.allowed_roles) with ordinality as listed(role_name, place)
    where listed.role_name = any (array(select v.role_name from countersign.role_verdicts v where v.refusal is null))
    order by listed.place
  ) as roles
  offset 0 -- Keeps the planner from computing it again for default_role.
) safe
where (select countersign.require_reader())
$ddl$);
comment on view public.jwt_issuer_policies is
  'Issuers as the proxy sees them: the policy, with only those roles that are safe at this moment, the active keys (retired ones for a day), and the ids of the 100 keys revoked last. Times are seconds since the epoch.';

select countersign.ensure_view($ddl$
create or replace view public.jwt_federation_policies as
select
  p.issuer as provider,
  p.is_active,
  p.keys_from,
  p.jwks_uri,
  p.jwks,
  p.algorithms,
  p.allow_private,
  coalesce(
    (
      select jsonb_agg(
        jsonb_build_object(
          'name', r.name,
          'issuer', r.issuer,
          'audiences', r.audiences,
          'conditions', r.conditions,
          'subject', r.subject,
          'claims', r.claims,
          'role', r.role,
          'max_token_lifetime', coalesce(countersign.lifetime_seconds(r.max_token_lifetime), 1),
          'mode', r.mode,
          'is_active', r.is_active and countersign.lifetime_seconds(r.max_token_lifetime) is not null
        )
        order by r.name collate "C"
      )
      from public.jwt_federation_rules r
      where r.provider = p.issuer
    ),
    '[]'
  ) as rules,
  array(
    select v.kid from public.jwt_revoked_provider_keys v where v.provider = p.issuer order by v.kid collate "C"
  ) as revoked_kids
from public.jwt_oidc_providers p
where (select countersign.require_reader())
$ddl$);
comment on view public.jwt_federation_policies is
  'OIDC providers as the proxy sees them, with their rules, inactive ones included, and the thumbprints of all keys of theirs that are revoked here. A rule''s role counts only while the issuer''s policy has it. Times are seconds.';

select countersign.ensure_view($ddl$
create or replace view public.jwt_registry_version as
select
  (select coalesce(pg_catalog.sum(r.changes), 0) from countersign.revisions r)::text || '.' || to_hex(hashtextextended(
    coalesce((
      select string_agg(
        concat_ws(' ', r.oid, r.rolname, r.rolsuper, r.rolbypassrls, r.rolcreaterole, r.rolcreatedb, r.rolreplication),
        ',' order by r.oid
      )
      from pg_catalog.pg_roles r
    ), '') || ';' || coalesce((
      select string_agg(m::text, ',' order by m.roleid, m.member, m.grantor) from pg_catalog.pg_auth_members m
    ), '') || ';' || coalesce((
      select string_agg(o.relowner::text, ',' order by o.relowner)
      from (select distinct c.relowner from pg_catalog.pg_class c where c.relrowsecurity and c.relpersistence <> 't') o
    ), ''),
    0
  )) as version,
  coalesce((select p.value from countersign.pre_request_setting p) = 'countersign.check_request', false) as guard_enabled,
  countersign.version() as schema_version
where (select countersign.require_reader())
$ddl$);
comment on view public.jwt_registry_version is
  'version changes whenever jwt_issuer_policies, jwt_federation_policies or jwt_seal_keys may have: the registry''s revision, and a fingerprint of everything that decides which roles are safe. guard_enabled: whether this database tells PostgREST to call the guard. schema_version: of the migrations that were applied last.';

select countersign.ensure_view($ddl$
create or replace view public.jwt_seal_keys as
select
  k.id,
  pg_catalog.translate(pg_catalog.encode(k.secret, 'base64'), '+/=', '-_') as secret,
  k.created_at,
  k.accepted_until
from countersign.seal_keys k
where (select countersign.require_reader()) and (k.accepted_until is null or k.accepted_until > pg_catalog.clock_timestamp())
order by k.created_at desc, k.id
$ddl$);
comment on view public.jwt_seal_keys is
  'Keys of the seal that the database accepts, the newest first: the proxy seals with that. secret is 32 bytes as base64url.';

create or replace function countersign.registry_holders()
returns table (pid int, "user" text, state text, since timestamptz, query text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select a.pid, a.usename, a.state, a.xact_start, left(a.query, 1000)
  from pg_stat_activity a
  where a.pid = any (countersign.open_changes())
  order by a.xact_start
$$;
comment on function countersign.registry_holders() is
  'Sessions that countersign.open_changes() names, as their owner sees them.';

select countersign.ensure_view($ddl$
create or replace view public.jwt_registry_holders as
select h.pid, h."user", h.state, h.since, h.query
from countersign.registry_holders() h
where (select countersign.require_reader())
$ddl$);
comment on view public.jwt_registry_holders is
  'Sessions with a transaction of more than a second that has changed or locked rows of the registry: a change of the same rows waits for them, and fails after 4 seconds.';

select countersign.ensure_grants('table public.jwt_registry_holders', array['select to service_role']);
select countersign.ensure_grants('function countersign.registry_holders()', array['execute to service_role']);
select countersign.ensure_grants('table public.jwt_issuer_policies', array['select to countersign_reader', 'select to service_role']);
select countersign.ensure_grants('table public.jwt_federation_policies', array['select to countersign_reader', 'select to service_role']);
select countersign.ensure_grants('table public.jwt_registry_version', array['select to countersign_reader', 'select to service_role']);
select countersign.ensure_grants('table public.jwt_seal_keys', array['select to countersign_reader', 'select to service_role']);
-- A view calls functions as whoever reads it.
select countersign.ensure_grants('function countersign.require_reader()', array['execute to countersign_reader', 'execute to service_role']);
select countersign.ensure_grants('function countersign.lifetime_seconds(interval)', array['execute to countersign_reader', 'execute to service_role']);
do $$
begin
  if not pg_catalog.has_schema_privilege('countersign_reader', 'public', 'USAGE') then
    grant usage on schema public to countersign_reader;
  end if;
end $$;

-- One owner for all: triggers run as the owner of their function, and that of the tables decides who has access.
do $$
declare
  owner constant regrole := (select c.relowner from pg_catalog.pg_class c where c.oid = 'public.jwt_issuers'::regclass)::regrole;
  other text;
begin
  for other in
    select format('schema %I', n.nspname) from pg_catalog.pg_namespace n
    where n.nspname in ('countersign', 'countersign_locks') and n.nspowner <> owner
    union all
    select format('function %s.%I(%s)', p.pronamespace::regnamespace, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid))
    from pg_catalog.pg_proc p
    where p.proowner <> owner and (
      p.pronamespace = 'countersign'::regnamespace
      or p.pronamespace = 'public'::regnamespace and p.proname in ('jwt_rotate_key', 'jwt_apply_plan')
    )
    union all
    select format(
      '%s %s.%I', case c.relkind when 'v' then 'view' when 'S' then 'sequence' else 'table' end, c.relnamespace::regnamespace, c.relname
    )
    from pg_catalog.pg_class c
    where c.relowner <> owner and (
      c.relnamespace in ('countersign'::regnamespace, 'countersign_locks'::regnamespace) and c.relkind in ('r', 'p', 'v', 'S')
      or c.relnamespace = 'public'::regnamespace and c.relname in (
        'jwt_public_keys', 'jwt_registry_audit', 'jwt_oidc_providers', 'jwt_federation_rules', 'jwt_revoked_provider_keys',
        'jwt_issuer_policies', 'jwt_federation_policies', 'jwt_registry_version', 'jwt_seal_keys', 'jwt_registry_holders'
      )
    )
  loop
    perform countersign.change_schema(format('alter %s owner to %s', other, owner));
  end loop;
end $$;

select countersign.end_migration();
