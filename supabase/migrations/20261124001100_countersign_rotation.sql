-- Countersign: rotating an issuer's key in one step.
select countersign.begin_migration();
select countersign.begin_migration();

-- In public, because service_role calls it over PostgREST. It has the rights of its caller and no others.
create or replace function public.jwt_rotate_key(issuer text, public_key text, algorithm text, overlap int default 3600)
returns jsonb
language plpgsql security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  new_kid constant text := countersign.key_id(jwt_rotate_key.public_key);
  ends_at constant timestamptz := date_trunc('milliseconds', clock_timestamp()) + make_interval(secs => jwt_rotate_key.overlap);
  stored public.jwt_public_keys;
  retiring jsonb;
begin
  if (jwt_rotate_key.overlap between 0 and 2592000) is not true then
    raise exception 'Expected an overlap of 0 to 2592000 seconds' using errcode = 'invalid_parameter_value';
  end if;
  -- Of rotations at the same time one wins. The others hear it, instead of retiring each other's new key.
  begin
    perform from public.jwt_issuers i where i.issuer = jwt_rotate_key.issuer for no key update nowait;
  exception when lock_not_available then
    raise exception 'Another change of issuer "%" is under way', jwt_rotate_key.issuer
      using errcode = 'serialization_failure', hint = 'See which keys it has, and rotate again if yours is not among them';
  end;
  if not found then
    raise exception 'Issuer "%" is not registered', jwt_rotate_key.issuer using errcode = 'no_data_found';
  end if;

  select k.* into stored from public.jwt_public_keys k where k.kid = new_kid;
  if not found then
    insert into public.jwt_public_keys (issuer, public_key, algorithm)
    values (jwt_rotate_key.issuer, jwt_rotate_key.public_key, jwt_rotate_key.algorithm)
    returning * into stored;
  elsif stored.issuer <> jwt_rotate_key.issuer then
    raise exception 'This key belongs to another issuer: a key has exactly one, for good' using errcode = 'unique_violation';
  elsif not stored.is_active then
    raise exception 'This key was revoked' using errcode = 'object_not_in_prerequisite_state',
      hint = 'Make a new pair of keys';
  else
    update public.jwt_public_keys k
    set not_before = null, not_after = null, algorithm = jwt_rotate_key.algorithm
    where k.kid = new_kid
    returning k.* into stored;
  end if;

  -- Standby keys, whose time has not come, and those that end sooner stay as they are.
  with ended as (
    update public.jwt_public_keys k
    set not_after = ends_at
    where k.issuer = jwt_rotate_key.issuer and k.kid <> new_kid and k.is_active
      and (k.not_before is null or k.not_before < clock_timestamp())
      and (k.not_after is null or k.not_after > ends_at)
    returning k.*
  )
  select coalesce(jsonb_agg(to_jsonb(e) order by e.created_at, e.kid), '[]') into retiring from ended e;
  return jsonb_build_object('key', to_jsonb(stored), 'retiring', retiring);
end $$;
comment on function public.jwt_rotate_key(text, text, text, int) is
  'Gives an issuer a new key, and ends its old ones after the overlap (seconds). Of several calls at the same time one wins, and the others are refused with 40001. Returns {key, retiring}: rows of jwt_public_keys.';
select countersign.ensure_grants('function public.jwt_rotate_key(text, text, text, int)', array['execute to service_role']);

select countersign.end_migration();
