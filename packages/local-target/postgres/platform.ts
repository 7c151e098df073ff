/** Passwords of the roles that something of the target logs in with. */
export interface PlatformPasswords {
  /** Of `postgres`, the role that a project's owner is given. */
  readonly postgres: string;
  /** Of `authenticator`, the role that PostgREST logs in with. */
  readonly authenticator: string;
}

/**
 * What a hosted project's database has before its owner touches it, as far as access control depends on it:
 * roles and their attributes, memberships, schemas and who owns them. Runs once, as the bootstrap superuser
 * `supabase_admin`. The source is the platform's own image for Postgres 17 (supabase/postgres).
 *
 * Does **not** include: supautils, safeupdate, pgsodium, vault, pg_graphql, pg_net, the tables of Storage and
 * Realtime, and all of `auth` but what policies and foreign keys refer to.
 *
 * @param passwords base64url text, so nothing in them needs quoting.
 * @param version The server's major version. Before Postgres 16 there is no role `pg_create_subscription`.
 */
export function platformSql(passwords: PlatformPasswords, version: number): string {
  return `
-- Roles.

create role anon nologin;
create role authenticated nologin;
create role service_role nologin bypassrls;
create role authenticator login noinherit password '${passwords.authenticator}';
create role postgres login nosuperuser createdb createrole replication bypassrls
  password '${passwords.postgres}';
create role dashboard_user nologin createdb createrole replication;
-- Without CREATEROLE since August 2026.
create role supabase_auth_admin login noinherit;
create role supabase_storage_admin login noinherit createrole;
create role supabase_functions_admin login noinherit createrole;
create role supabase_realtime_admin nologin noinherit;
create role supabase_replication_admin login replication;
create role supabase_etl_admin login replication;
create role supabase_read_only_user login bypassrls;
create role pgbouncer login;

grant anon, authenticated, service_role to authenticator;
grant anon, authenticated, service_role, authenticator to postgres with admin option;
grant pg_monitor, pg_read_all_data, pg_signal_backend to postgres with admin option;
${version >= 16 ? "grant pg_create_subscription to postgres;" : ""}
grant pg_read_all_data to supabase_read_only_user, supabase_etl_admin;
grant authenticator to supabase_storage_admin;

alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
alter role postgres set search_path = "$user", public, extensions;
alter role supabase_admin set search_path = "$user", public, auth, extensions;
alter role supabase_auth_admin set search_path = auth;
alter role supabase_storage_admin set search_path = storage;

-- The owner configures PostgREST in the database. The platform's supautils allows it; plain Postgres asks
-- for this grant.
grant set on parameter
  "pgrst.db_pre_request", "pgrst.db_schemas", "pgrst.db_max_rows", "pgrst.db_aggregates_enabled"
  to postgres;

-- The database, and the schemas of its owner.

alter database postgres owner to postgres;
grant all on database postgres to dashboard_user;

-- The owner of public is pg_database_owner, hence postgres. No default privileges: since 30 October 2026
-- new tables get no grants.
grant usage on schema public to postgres, anon, authenticated, service_role;

create schema extensions authorization postgres;
grant usage on schema extensions to anon, authenticated, service_role;
grant all on schema extensions to dashboard_user;
create extension "uuid-ossp" with schema extensions;
create extension pgcrypto with schema extensions;

-- The schemas of the platform. Nobody else may create anything in them since 21 April 2025.

create schema auth;
grant all on schema auth to supabase_auth_admin, dashboard_user;
grant usage on schema auth to postgres, anon, authenticated, service_role;

create table auth.users (
  instance_id uuid,
  id uuid primary key,
  aud varchar(255),
  role varchar(255),
  email varchar(255),
  encrypted_password varchar(255),
  email_confirmed_at timestamptz,
  last_sign_in_at timestamptz,
  raw_app_meta_data jsonb,
  raw_user_meta_data jsonb,
  is_super_admin boolean,
  phone text unique,
  is_sso_user boolean not null default false,
  is_anonymous boolean not null default false,
  deleted_at timestamptz,
  created_at timestamptz,
  updated_at timestamptz
);
create unique index users_email_partial_key on auth.users (email) where not is_sso_user;
alter table auth.users enable row level security;
alter table auth.users owner to supabase_auth_admin;
grant all on auth.users to postgres, dashboard_user;

-- Before version 9, PostgREST set one setting per claim; such a setting still wins.

create function auth.jwt() returns jsonb stable language sql as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')
  )::jsonb
$$;

create function auth.uid() returns uuid stable language sql as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
  )::uuid
$$;

create function auth.role() returns text stable language sql as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.role', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'
  )
$$;

create function auth.email() returns text stable language sql as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.email', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email'
  )
$$;

alter function auth.jwt() owner to supabase_auth_admin;
alter function auth.uid() owner to supabase_auth_admin;
alter function auth.role() owner to supabase_auth_admin;
alter function auth.email() owner to supabase_auth_admin;

create schema storage;
grant all on schema storage to supabase_storage_admin, dashboard_user;
grant usage on schema storage to postgres, anon, authenticated, service_role;

create schema realtime;
grant all on schema realtime to supabase_realtime_admin;
grant usage on schema realtime to postgres, anon, authenticated, service_role;

-- PostgREST reloads the schema after every change of it.

create function extensions.pgrst_ddl_watch() returns event_trigger language plpgsql as $$
begin
  if exists (
    select from pg_event_trigger_ddl_commands()
    where coalesce(schema_name, '') not in ('pg_temp', 'auth', 'storage', 'realtime')
      and command_tag ~ '(SCHEMA|TABLE|VIEW|FUNCTION|TYPE|RULE|TRIGGER|COMMENT|SELECT INTO|TABLE AS)$'
  ) then
    notify pgrst, 'reload schema';
  end if;
end
$$;

create function extensions.pgrst_drop_watch() returns event_trigger language plpgsql as $$
begin
  if exists (
    select from pg_event_trigger_dropped_objects()
    where not is_temporary
      and coalesce(schema_name, '') not in ('auth', 'storage', 'realtime')
      and object_type ~ '(schema|table|view|function|type|rule|trigger)$'
  ) then
    notify pgrst, 'reload schema';
  end if;
end
$$;

create event trigger pgrst_ddl_watch on ddl_command_end execute function extensions.pgrst_ddl_watch();
create event trigger pgrst_drop_watch on sql_drop execute function extensions.pgrst_drop_watch();
`;
}
