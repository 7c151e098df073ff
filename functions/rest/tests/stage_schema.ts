/**
 * What the owner of a target would write: tables, roles and policies for two services and for
 * users.
 */
export const SCHEMA = `
select countersign.create_writer_role('widgets_writer');
select countersign.create_writer_role('invoices_writer');

-- Safe when they are registered; the hostile suite raises them afterwards.
select countersign.create_writer_role('risen_writer');
select countersign.create_writer_role('heir_writer');
create role heirs_parent nologin;
grant heirs_parent to heir_writer;

create table public.widgets (
  id bigint generated always as identity primary key,
  name text unique not null,
  note text,
  owner_issuer text not null default countersign.issuer()
);
alter table public.widgets enable row level security;
grant select, insert, update, delete on public.widgets to widgets_writer;
create policy widgets_of_their_issuer on public.widgets to widgets_writer
  using (countersign.is_issuer(owner_issuer)) with check (countersign.is_issuer(owner_issuer));

create table public.invoices (
  id bigint generated always as identity primary key,
  name text not null,
  owner_issuer text not null default countersign.issuer()
);
alter table public.invoices enable row level security;
grant select, insert on public.invoices to invoices_writer;
create policy invoices_of_their_issuer on public.invoices to invoices_writer
  using (countersign.is_issuer(owner_issuer)) with check (countersign.is_issuer(owner_issuer));

-- A user's own rows, as in every Supabase tutorial.
create table public.profiles (user_id uuid primary key, bio text);
alter table public.profiles enable row level security;
grant select, insert, update, delete on public.profiles to authenticated;
create policy own_profile on public.profiles to authenticated
  using (user_id = auth.uid()) with check (user_id = auth.uid());
insert into public.profiles values ('5f1ab1e0-0000-4000-8000-00000000cafe', 'a user wrote this');

-- What PostgreSQL itself makes of the token that reached it.
create function public.whoami() returns json stable language sql as $$
  select json_build_object('user', current_user, 'claims', countersign.claims())
$$;
create function public.repeat_text(piece text, times int) returns text immutable language sql as $$
  select repeat(piece, times)
$$;
create function public.text_length(body text) returns int immutable language sql as $$
  select length(body)
$$;
revoke execute on function public.whoami(), public.repeat_text(text, int), public.text_length(text)
  from public;
grant execute on function public.whoami(), public.repeat_text(text, int), public.text_length(text)
  to widgets_writer, invoices_writer;

create schema reports;
grant usage on schema reports to widgets_writer;
create table reports.totals (name text primary key, total int not null);
grant select, insert on reports.totals to widgets_writer;
insert into reports.totals values ('widgets', 7);
alter role authenticator set pgrst.db_schemas = 'public, reports';
notify pgrst, 'reload config';
`;
