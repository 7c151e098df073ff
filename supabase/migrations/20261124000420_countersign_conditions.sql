-- Countersign: what a federation rule may be made of.
select countersign.begin_migration();
select countersign.begin_migration();

create or replace function countersign.is_https_url(url text) returns boolean
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
-- Lower case, no user information, no fragment and no dot segments: one spelling, and nothing that two URL
-- parsers read differently.
return pg_catalog.char_length(url) <= 255
  and url ~ '^https://([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(:[1-9][0-9]{0,4})?(/[A-Za-z0-9._~!$&''()*+,;=:@%/-]*)?(\?[A-Za-z0-9._~!$&''()*+,;=:@%/?-]*)?$'
  and url !~ '^https://[^/]*:443(/|\?|$)'
  and url !~ '/\.\.?([/?]|$)';
comment on function countersign.is_https_url(text) is
  'An absolute https URL in its one spelling: lower-case host, no user information, no fragment, no dot segments.';

create or replace function countersign.is_claim_path(path text) returns boolean
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
return countersign.is_name(path)
  and path !~ '[{}]'
  and path !~ '(^|/)__proto__(/|$)'
  -- A pointer to a top-level claim would be a second spelling of its name.
  and (path !~ '^/' or path !~ '~([^01]|$)' and path !~ '//|/$' and path ~ '^/(~1|[^/]+/)');
comment on function countersign.is_claim_path(text) is
  'The name of a top-level claim, or a JSON Pointer (RFC 6901) to a nested one, such as /kubernetes.io/namespace.';

create or replace function countersign.is_condition_value(value jsonb) returns boolean
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
return case pg_catalog.jsonb_typeof(value)
  when 'string' then
    pg_catalog.char_length(value #>> '{}') <= 1024
    and value #>> '{}' ~ '^[^*\u0001-\u001F\u007F-\u009F]+\*{0,2}$'
  -- Beyond 2^53 a double takes two integers for one.
  when 'number' then
    pg_catalog.abs((value #>> '{}')::numeric) <= 9007199254740991
    and (value #>> '{}')::numeric = pg_catalog.trunc((value #>> '{}')::numeric)
  when 'boolean' then true
  else false
end;
comment on function countersign.is_condition_value(jsonb) is
  'A string, an integer or a boolean. A "*" is allowed only as one "*" or "**" at the end, behind at least one character.';

create or replace function countersign.are_conditions(conditions jsonb) returns boolean
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
return case
  when pg_catalog.jsonb_typeof(conditions) <> 'object' or pg_catalog.octet_length(conditions::text) > 16384 then false
  else (
    select pg_catalog.count(*) between 1 and 32 and pg_catalog.bool_and(
      countersign.is_claim_path(c.path)
      -- What every token has, and the rule's provider and audiences decide already.
      and c.path not in ('iss', 'aud', 'exp', 'nbf', 'iat', 'jti')
      and case pg_catalog.jsonb_typeof(c.wanted)
        when 'array' then
          pg_catalog.jsonb_array_length(c.wanted) between 1 and 256
          and not exists (
            select from pg_catalog.jsonb_array_elements(c.wanted) as listed(value)
            where (countersign.is_condition_value(listed.value)) is not true
          )
        else countersign.is_condition_value(c.wanted)
      end
    )
    from pg_catalog.jsonb_each(conditions) as c(path, wanted)
  )
end;
comment on function countersign.are_conditions(jsonb) is
  'An object of 1 to 32 members: claim path, and the value, prefix or list of them that the claim has to be.';

create or replace function countersign.is_claims_map(claims jsonb) returns boolean
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
return case
  when pg_catalog.jsonb_typeof(claims) <> 'object' then false
  else (
    select pg_catalog.count(*) <= 32 and coalesce(pg_catalog.bool_and(
      countersign.is_name(c.name)
      and c.name not in ('iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'role', 'countersign', '__proto__')
      and pg_catalog.jsonb_typeof(c.path) = 'string'
      and countersign.is_claim_path(c.path #>> '{}')
    ), true)
    from pg_catalog.jsonb_each(claims) as c(name, path)
  )
end;
comment on function countersign.is_claims_map(jsonb) is
  'An object of at most 32 members: the name of a downstream claim, and the path of the claim that it is taken from.';

create or replace function countersign.is_subject_template(template text) returns boolean
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
return countersign.is_name(template)
  and template ~ '^([^{}]|\{[^{}]+\})+$'
  -- Two places side by side: nothing tells where one value ends, so "a" and "bc" would be "ab" and "c".
  and template !~ '\}\{'
  and not exists (
    select from pg_catalog.regexp_matches(template, '\{([^{}]+)\}', 'g') as place(path)
    where (countersign.is_claim_path(place.path[1])) is not true
  );
comment on function countersign.is_subject_template(text) is
  'Text with {claim path} in any number of places, and something between any two of them.';

create or replace function countersign.is_public_jwks(jwks jsonb) returns boolean
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
return case
  when pg_catalog.octet_length(jwks::text) > 65536 or pg_catalog.jsonb_typeof(jwks -> 'keys') is distinct from 'array' then false
  else pg_catalog.jsonb_array_length(jwks -> 'keys') between 1 and 50
    and not exists (
      select from pg_catalog.jsonb_array_elements(jwks -> 'keys') as k(key)
      where (
        k.key ->> 'kty' in ('RSA', 'EC', 'OKP')
        and not k.key ?| array['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']
      ) is not true
    )
end;
comment on function countersign.is_public_jwks(jsonb) is
  'A JSON Web Key Set (RFC 7517) of 1 to 50 public keys. Whether each is strong enough is for the verifier.';

-- Anybody can have an account with these, and a token of their own. "begins" is what a value, or the part of it
-- before a "*", has to begin with to name one owner; without it only an exact value does. Which workflow is
-- called (job_workflow_ref) or who pushed (actor) is not here: both can be had from anybody's repository. Nor is
-- Google's azp: in a person's token it is the OAuth client, which anybody can sign in to.
select countersign.ensure_view($ddl$
create or replace view countersign.shared_providers as
select v.host, v.claim, v.begins
from (values
  ('token.actions.githubusercontent.com', 'repository_id', null),
  ('token.actions.githubusercontent.com', 'repository_owner_id', null),
  ('token.actions.githubusercontent.com', 'enterprise_id', null),
  ('token.actions.githubusercontent.com', 'repository', '^[^/]+/'),
  ('token.actions.githubusercontent.com', 'repository_owner', null),
  ('token.actions.githubusercontent.com', 'sub', '^repo:[^/:]+/'),
  ('gitlab.com', 'project_id', null),
  ('gitlab.com', 'namespace_id', null),
  ('gitlab.com', 'project_path', '^[^/]+/'),
  ('gitlab.com', 'namespace_path', '^[^/]+(/|$)'),
  ('gitlab.com', 'sub', '^project_path:[^/:]+/'),
  ('accounts.google.com', 'sub', null),
  ('accounts.google.com', 'email', null),
  ('accounts.google.com', '/google/compute_engine/project_id', null),
  ('accounts.google.com', '/google/compute_engine/project_number', null),
  ('securetoken.google.com', 'sub', null),
  ('.tokens.sts.global.api.aws', 'sub', '^arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:'),
  ('.tokens.sts.global.api.aws', '/https:~1~1sts.amazonaws.com~1/aws_account', null),
  ('.tokens.sts.global.api.aws', '/https:~1~1sts.amazonaws.com~1/principal_id', null),
  ('oidc.fly.io', 'org_id', null),
  ('oidc.fly.io', 'app_id', null),
  ('oidc.fly.io', 'sub', '^[^:]+:'),
  ('oidc.circleci.com', 'oidc.circleci.com/project-id', null),
  ('oidc.circleci.com', 'oidc.circleci.com/context-ids', null),
  ('oidc.circleci.com', 'sub', '^org/[^/]+/'),
  ('agent.buildkite.com', 'organization_id', null),
  ('agent.buildkite.com', 'pipeline_id', null),
  ('agent.buildkite.com', 'organization_slug', null),
  ('agent.buildkite.com', 'sub', '^organization:[^:]+:'),
  ('app.terraform.io', 'terraform_organization_id', null),
  ('app.terraform.io', 'terraform_project_id', null),
  ('app.terraform.io', 'terraform_workspace_id', null),
  ('app.terraform.io', 'terraform_organization_name', null),
  ('app.terraform.io', 'sub', '^organization:[^:]+:'),
  ('oidc.vercel.com', 'owner_id', null),
  ('oidc.vercel.com', 'project_id', null),
  ('oidc.vercel.com', 'owner', null),
  ('oidc.vercel.com', 'sub', '^owner:[^:]+:'),
  ('api.bitbucket.org', 'workspaceUuid', null),
  ('api.bitbucket.org', 'repositoryUuid', null),
  ('api.bitbucket.org', 'sub', '^\{[0-9a-f-]{36}\}:'),
  ('vstoken.dev.azure.com', 'sub', '^sc://[^/]+/'),
  ('login.microsoftonline.com', 'oid', null),
  ('login.microsoftonline.com', 'azp', null),
  ('login.microsoftonline.com', 'appid', null),
  ('login.microsoftonline.com', 'sub', null),
  ('sts.windows.net', 'oid', null),
  ('sts.windows.net', 'appid', null),
  ('sts.windows.net', 'sub', null)
) as v(host, claim, begins)
$ddl$);
comment on view countersign.shared_providers is
  'Providers that the world shares, by host (one that begins with a dot: every host below it), and the claims that name an owner there: the best first. A rule for such a provider needs a condition on one of them.';

create or replace function countersign.missing_owner_claims(provider text, conditions jsonb) returns text[]
language sql stable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
  with owners as (
    select s.claim, s.begins
    from countersign.shared_providers s
    cross join (select substring(provider from '^https://([^/:?]+)') as name) host
    where host.name = s.host or left(s.host, 1) = '.' and right(host.name, length(s.host)) = s.host
  )
  select array(select o.claim from owners o order by o.begins is not null, o.claim collate "C")
  where exists (select from owners) and not exists (
    select from owners o
    cross join lateral (
      select case jsonb_typeof(conditions -> o.claim) when 'array' then conditions -> o.claim else jsonb_build_array(conditions -> o.claim) end as list
    ) wanted
    where conditions ? o.claim and not exists (
      select from jsonb_array_elements(wanted.list) as w(value)
      where case jsonb_typeof(w.value)
        when 'number' then o.begins is not null
        when 'string' then
          case when o.begins is null then w.value #>> '{}' ~ '\*$' else rtrim(w.value #>> '{}', '*') !~ o.begins end
        else true
      end
    )
  )
$$;
comment on function countersign.missing_owner_claims(text, jsonb) is
  'Null if the conditions name an owner at the provider, or the provider is not shared; else the claims of which one has to be named.';

-- Checks and triggers run them as whoever writes the row.
select countersign.ensure_grants('function countersign.is_https_url(text)', array['execute to service_role']);
select countersign.ensure_grants('function countersign.is_claim_path(text)', array['execute to service_role']);
select countersign.ensure_grants('function countersign.is_condition_value(jsonb)', array['execute to service_role']);
select countersign.ensure_grants('function countersign.are_conditions(jsonb)', array['execute to service_role']);
select countersign.ensure_grants('function countersign.is_claims_map(jsonb)', array['execute to service_role']);
select countersign.ensure_grants('function countersign.is_subject_template(text)', array['execute to service_role']);
select countersign.ensure_grants('function countersign.is_public_jwks(jsonb)', array['execute to service_role']);
select countersign.ensure_grants('function countersign.missing_owner_claims(text, jsonb)', array['execute to service_role']);
select countersign.ensure_grants('table countersign.shared_providers', array['select to service_role']);

select countersign.end_migration();
