import { type Broken, brokenSetups } from "../../fixtures/broken.ts";

const CRM =
  "create table public.crm (id int, owner text); alter table public.crm enable row level security; ";
const DROP_CRM = "drop table public.crm cascade";

/** A request of the issuer that the stage has. */
function trying(...args: string[]): Pick<Broken, "args"> {
  return { args: ["--issuer", "clerk", ...args] };
}

brokenSetups("tables", { complete: true }, [
  {
    what: "a table without row level security",
    sql: [
      "create table public.open_house (a int); grant select on public.open_house to notes_writer",
      "drop table public.open_house",
    ],
    expect: ["tables.row_security_off"],
    fix: /alter table public\.open_house enable row level security/,
  },
  {
    what: "a table without row level security that every user may use",
    sql: [
      'create table public."Open House" (a int); grant insert on public."Open House" to authenticated',
      'drop table public."Open House"',
    ],
    expect: ["tables.row_security_off"],
    fix: /alter table public\."Open House" enable/,
  },
  {
    what: "a partitioned table without row level security",
    sql: [
      "create table public.parts (a int) partition by list (a); grant select on public.parts to notes_writer",
      "drop table public.parts",
    ],
    expect: ["tables.row_security_off"],
    fix: /public\.parts/,
  },
  {
    what: "a column granted of a table without row level security",
    sql: [
      "create table public.columns (a int, b int); grant insert (b) on public.columns to notes_writer",
      "drop table public.columns",
    ],
    expect: ["tables.row_security_off"],
    fix: /public\.columns/,
  },
  {
    what: "a table with row level security and no policy",
    sql: [`${CRM} grant insert on public.crm to notes_writer`, DROP_CRM],
    expect: ["policies.no_policy"],
    fix: /create policy <name> on public\.crm for insert to notes_writer/,
  },
  {
    what: "a policy for another role",
    sql: [
      `${CRM} grant select on public.crm to notes_writer; create policy theirs on public.crm to anon using (true)`,
      DROP_CRM,
    ],
    expect: ["policies.policy_for_others"],
    fix: /alter policy "theirs" on public\.crm to anon, notes_writer/,
  },
  {
    what: "a policy for another command",
    sql: [
      `${CRM} grant select, insert on public.crm to notes_writer; create policy readers on public.crm for select to notes_writer using (true)`,
      DROP_CRM,
    ],
    expect: ["policies.no_policy_for_command"],
    fix: /create policy <name> on public\.crm for insert/,
  },
  {
    what: "a restrictive policy that stands alone",
    sql: [
      `${CRM} grant insert on public.crm to notes_writer; create policy narrow on public.crm as restrictive to notes_writer with check (true)`,
      DROP_CRM,
    ],
    expect: ["policies.no_policy"],
    fix: /create policy <name> on public\.crm for insert/,
  },
  {
    what: "a change without the grant to read",
    sql: [
      `${CRM} grant update on public.crm to notes_writer; create policy ours on public.crm to notes_writer using (true)`,
      DROP_CRM,
    ],
    expect: ["policies.change_without_select"],
    fix: /grant select on public\.crm to notes_writer/,
  },
  {
    what: "a change without a policy to read",
    sql: [
      `${CRM} grant update on public.crm to notes_writer; grant select (id) on public.crm to notes_writer;
       create policy ours on public.crm for update to notes_writer using (true)`,
      DROP_CRM,
    ],
    expect: ["policies.no_policy_for_command", "policies.change_without_select_policy"],
    fix: /for select to notes_writer/,
  },
  {
    what: "a policy without a grant",
    sql: [`${CRM} create policy ours on public.crm to notes_writer using (true)`, DROP_CRM],
    expect: ["policies.no_grant"],
    fix: /grant select, insert on public\.crm to notes_writer/,
  },
  {
    what: "a policy whose schema may not be entered",
    sql: [
      "create schema hidden; create table hidden.crm (id int); alter table hidden.crm enable row level security; create policy ours on hidden.crm to notes_writer using (true); grant insert on hidden.crm to notes_writer",
      "drop schema hidden cascade",
    ],
    expect: ["policies.no_grant"],
    fix: /usage on its schema/,
  },
  {
    what: "a sequence that was not granted",
    sql: [
      "create table public.tickets (id serial, text text); alter table public.tickets enable row level security; create policy ours on public.tickets for insert to notes_writer with check (true); grant insert on public.tickets to notes_writer",
      "drop table public.tickets",
    ],
    expect: ["policies.no_sequence"],
    fix: /grant usage on sequence (public\.)?tickets_id_seq to notes_writer/,
  },
  {
    what: "a schema that PostgREST does not serve",
    sql: [
      "create schema sales; grant usage on schema sales to notes_writer; create table sales.deals (id int); alter table sales.deals enable row level security; create policy ours on sales.deals for insert to notes_writer with check (true); grant insert on sales.deals to notes_writer",
      "drop schema sales cascade",
    ],
    expect: ["schemas.schema_not_exposed"],
    fix: /add sales to the exposed schemas/,
  },
  {
    what: "a view with its owner's rights",
    sql: [
      `${CRM} create view public.crm_list as select * from public.crm; grant select on public.crm_list to notes_writer`,
      DROP_CRM,
    ],
    expect: ["views.view_bypasses"],
    fix: /alter view public\.crm_list set \(security_invoker = true\)/,
  },
  {
    what: "a view with its owner's rights that every user may use",
    sql: [
      `${CRM} create view public.crm_list as select id from public.crm where id > 0; grant all on public.crm_list to authenticated`,
      DROP_CRM,
    ],
    expect: ["views.view_bypasses"],
    fix: /revoke all on public\.crm_list/,
  },
  {
    what: "a materialized view",
    sql: [
      `${CRM} create materialized view public.crm_copy as select * from public.crm; grant select on public.crm_copy to notes_writer`,
      DROP_CRM,
    ],
    expect: ["views.materialized_view"],
    fix: /revoke all on public\.crm_copy from notes_writer/,
  },
  {
    what: "a function with its owner's rights that hands out rows",
    sql: [
      `${CRM} create function public.all_of_crm() returns setof public.crm security definer language sql as 'select * from public.crm'`,
      `drop function public.all_of_crm(); ${DROP_CRM}`,
    ],
    expect: ["functions.definer_function"],
    fix: /revoke execute on function all_of_crm\(\) from public/,
  },
  {
    what: "a function with its owner's rights that reads who asks",
    sql: [
      "create function public.whoami() returns text security definer language sql as $$select current_setting('request.jwt.claims', true)$$",
      "drop function public.whoami()",
    ],
    expect: ["functions.definer_function"],
    fix: /else let it be security invoker/,
  },
  {
    what: "a default that calls auth.uid()",
    sql: [
      `alter table public.notes add column user_id uuid default auth.uid()`,
      "alter table public.notes drop column user_id",
    ],
    expect: ["user_ids.calls_uid"],
    fix: /case when countersign\.claims\(\) is null then auth\.uid\(\) end/,
  },
  {
    what: "a trigger that calls auth.uid()",
    sql: [
      `create function public.stamp() returns trigger language plpgsql as $$begin perform auth.uid(); return new; end$$;
       create trigger stamp before insert on public.notes for each row execute function public.stamp()`,
      "drop trigger stamp on public.notes; drop function public.stamp()",
    ],
    expect: ["user_ids.calls_uid"],
    fix: /countersign\.claims\(\)/,
  },
  {
    what: "a policy that calls auth.uid()",
    sql: [
      "create policy own on public.notes for insert to authenticated with check (text = auth.uid()::text)",
      "drop policy own on public.notes",
    ],
    expect: ["user_ids.calls_uid"],
    fix: /countersign\.claims\(\)/,
  },
  {
    what: "a policy that asks for a live key, of an issuer that is deactivated meanwhile",
    sql: [
      `${CRM} grant insert on public.crm to notes_writer;
       create policy live on public.crm for insert to notes_writer with check ((select countersign.is_live()));
       update public.jwt_public_keys set not_before = now() + interval '1 day' where issuer = 'clerk'`,
      `update public.jwt_public_keys set not_before = null where issuer = 'clerk'; ${DROP_CRM}`,
    ],
    ...trying("--table", "crm", "--body", '{"id": 1}'),
    expect: ["keys.key_not_begun", "attempt.attempt_refused"],
    fix: /--not-before now/,
  },
  {
    what: "an issuer that nobody registered",
    args: ["--issuer", "nobody", "--table", "notes"],
    expect: ["attempt.issuer_unknown"],
    fix: /countersign list/,
  },
  {
    what: "a table that does not exist",
    ...trying("--table", "nots"),
    expect: ["attempt.table_unknown"],
    fix: /spelling/,
  },
  {
    what: "a request without a grant",
    sql: ["create table public.closed (a int)", "drop table public.closed"],
    ...trying("--table", "closed"),
    expect: ["attempt.attempt_refused"],
    fix: /^grant insert on closed to notes_writer$/,
  },
  {
    what: "a read without a grant",
    ...trying("--table", "notes", "--method", "GET"),
    expect: ["attempt.attempt_refused"],
    fix: /^grant select on notes to notes_writer$/,
  },
  {
    what: "a change without a grant",
    ...trying("--table", "notes", "--method", "PATCH", "--body", '{"text": "x"}'),
    expect: ["attempt.attempt_refused"],
    fix: /^grant update on notes to notes_writer$/,
  },
  {
    what: "a deletion without a grant",
    ...trying("--table", "notes", "--method", "DELETE"),
    expect: ["attempt.attempt_refused"],
    fix: /^grant delete on notes to notes_writer$/,
  },
  {
    what: "a row that no policy lets in",
    sql: [
      `${CRM} grant insert on public.crm to notes_writer; create policy own on public.crm for insert to notes_writer with check (owner = countersign.issuer())`,
      DROP_CRM,
    ],
    ...trying("--table", "crm", "--body", '{"id": 1, "owner": "billing"}'),
    expect: ["attempt.attempt_refused"],
    fix: /write a policy for it, or give --body a row that passes/,
  },
  {
    what: "a read that sees nothing",
    sql: [
      `${CRM} insert into public.crm values (1, 'billing'); grant select on public.crm to notes_writer; create policy own on public.crm for select to notes_writer using (owner = countersign.issuer())`,
      DROP_CRM,
    ],
    ...trying("--table", "crm", "--method", "GET"),
    expect: ["attempt.attempt_no_rows"],
    fix: /which policies apply/,
  },
  {
    what: "an insert that needs a sequence",
    sql: [
      "create table public.tickets (id serial, text text); alter table public.tickets enable row level security; create policy ours on public.tickets for insert to notes_writer with check (true); grant insert on public.tickets to notes_writer",
      "drop table public.tickets",
    ],
    ...trying("--table", "public.tickets", "--body", '{"text": "x"}'),
    expect: ["policies.no_sequence", "attempt.attempt_refused"],
    fix: /grant usage on sequence/,
  },
  {
    what: "an insert whose default calls auth.uid()",
    sql: [
      `alter table public.notes add column user_id uuid default auth.uid()`,
      "alter table public.notes drop column user_id",
    ],
    ...trying("--table", "notes", "--body", '{"text": "x"}'),
    expect: ["user_ids.calls_uid", "attempt.attempt_refused"],
    fix: /countersign\.claims\(\)/,
  },
  {
    what: "an insert that lacks a column",
    sql: [
      "alter table public.notes add column must int not null",
      "alter table public.notes drop column must",
    ],
    ...trying("--table", "notes", "--body", '{"text": "x"}'),
    expect: ["attempt.attempt_refused"],
    fix: /give --body a row that meets the constraint/,
  },
  {
    what: "a trigger that refuses",
    sql: [
      `create function public.refuse() returns trigger language plpgsql as $$begin raise exception 'closed on Sundays'; end$$;
       create trigger refuse before insert on public.notes for each row execute function public.refuse()`,
      "drop trigger refuse on public.notes; drop function public.refuse()",
    ],
    ...trying("--table", "notes"),
    expect: ["attempt.attempt_refused"],
    fix: /message of Postgres/,
  },
]);
