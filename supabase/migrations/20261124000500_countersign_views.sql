-- Countersign 5/7: what the proxy reads.
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

create or replace view public.jwt_issuer_policies as
select
  i.issuer,
  i.is_active,
  safe.roles as allowed_roles,
  case when i.default_role = any (safe.roles) then i.default_role end as default_role,
  i.allowed_subjects,
  i.allow_user_subjects,
  i.allowed_claims,
  i.audiences,
  extract(epoch from i.max_token_lifetime)::int as max_token_lifetime,
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
  ) as revoked_kids
from public.jwt_issuers i
cross join lateral (
  select array(
    select listed.role_name
    from unnest(i.allowed_roles) with ordinality as listed(role_name, place)
    where listed.role_name = any (array(select v.role_name from countersign.role_verdicts v where v.refusal is null))
    order by listed.place
  ) as roles
  offset 0 -- Keeps the planner from computing it again for default_role.
) safe;
comment on view public.jwt_issuer_policies is
  'Issuers as the proxy sees them: the policy, with only those roles that are safe at this moment, the active keys (retired ones for a day), and the ids of the 100 keys revoked last. Times are seconds since the epoch.';

create or replace view public.jwt_registry_version as
select
  coalesce((select s.revision from countersign.registry_state s), 0)::text || '.' || to_hex(hashtextextended(
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
  )) as version;
comment on view public.jwt_registry_version is
  'Changes whenever jwt_issuer_policies may have: the registry''s revision, and a fingerprint of everything that decides which roles are safe.';

revoke all on public.jwt_issuer_policies, public.jwt_registry_version
  from public, anon, authenticated, service_role, countersign_reader;
grant select on public.jwt_issuer_policies, public.jwt_registry_version to service_role, countersign_reader;
do $$
begin
  if not pg_catalog.has_schema_privilege('countersign_reader', 'public', 'USAGE') then
    grant usage on schema public to countersign_reader;
  end if;
end $$;


do $$
begin
  if pg_catalog.current_setting('countersign.migration_lock', true) = 'session' then
    perform pg_catalog.set_config('countersign.migration_lock', '', false);
    perform pg_catalog.pg_advisory_unlock(pg_catalog.hashtextextended('countersign migrations', 0));
  end if;
end $$;
