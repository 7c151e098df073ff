-- Countersign: rotating an issuer's key in one step.
select countersign.begin_migration();
select countersign.begin_migration();

-- In public, because service_role calls it over PostgREST. It has the rights of its caller and no others.
create or replace function public.jwt_rotate_key(
  issuer text, public_key text, algorithm text, retire_at timestamptz default null, at timestamptz default null
)
returns jsonb
language plpgsql security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  new_kid constant text := countersign.key_id(jwt_rotate_key.public_key);
  started_at constant timestamptz := coalesce(jwt_rotate_key.at, date_trunc('milliseconds', clock_timestamp()));
  ends_at constant timestamptz := coalesce(jwt_rotate_key.retire_at, started_at + interval '1 hour');
  stored public.jwt_public_keys;
  retiring jsonb;
begin
  -- Of rotations at the same time one wins. The others hear it, instead of retiring each other's new key. Not as a
  -- serialization failure: PostgREST would try that again for as long as it fails.
  begin
    perform from public.jwt_issuers i where i.issuer = jwt_rotate_key.issuer for no key update nowait;
  exception when lock_not_available then
    raise exception 'Another change of issuer "%" is under way', jwt_rotate_key.issuer
      using errcode = 'lock_not_available', hint = 'List its keys, and rotate again if yours is not among them';
  end;
  if not found then
    raise exception 'Issuer "%" is not registered', jwt_rotate_key.issuer using errcode = 'no_data_found';
  end if;

  insert into public.jwt_public_keys (issuer, public_key, algorithm)
  values (jwt_rotate_key.issuer, jwt_rotate_key.public_key, jwt_rotate_key.algorithm)
  on conflict (kid) do nothing
  returning * into stored;
  if not found then
    update public.jwt_public_keys k
    set not_before = null, not_after = null
    where k.kid = new_kid and k.issuer = jwt_rotate_key.issuer and k.is_active and k.algorithm = jwt_rotate_key.algorithm
    returning k.* into stored;
  end if;
  if not found then
    raise exception 'The key is registered for another issuer or algorithm, or was revoked'
      using errcode = 'unique_violation', hint = 'Make a new pair of keys';
  end if;

  -- Standby keys, whose time has not come, and those that end sooner stay as they are.
  update public.jwt_public_keys k
  set not_after = ends_at
  where k.issuer = jwt_rotate_key.issuer and k.kid <> new_kid and k.is_active
    and (k.not_before is null or k.not_before < started_at)
    and (k.not_after is null or k.not_after > ends_at);
  select coalesce(jsonb_agg(to_jsonb(k) order by k.created_at, k.kid), '[]') into retiring
  from public.jwt_public_keys k
  where k.issuer = jwt_rotate_key.issuer and k.kid <> new_kid and k.is_active and k.not_after = ends_at;
  return jsonb_build_object('key', to_jsonb(stored), 'retiring', retiring);
end $$;
comment on function public.jwt_rotate_key(text, text, text, timestamptz, timestamptz) is
  'Gives an issuer a new key, and ends its old ones at retire_at (an hour from now). Of several calls at the same time one wins, and the others are refused with 55P03. Returns {key, retiring}: rows of jwt_public_keys.';
select countersign.ensure_grants('function public.jwt_rotate_key(text, text, text, timestamptz, timestamptz)', array['execute to service_role']);

select countersign.end_migration();
