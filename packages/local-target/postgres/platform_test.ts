import assert from "node:assert/strict";
import postgres from "postgres";
import { type LocalTarget, startLocalTarget } from "../mod.ts";

/** What the platform's own image says of its roles. */
const ROLES: Record<string, string> = {
  anon: "inherit",
  authenticated: "inherit",
  authenticator: "login",
  dashboard_user: "inherit createrole createdb replication",
  pgbouncer: "login inherit",
  postgres: "login inherit createrole createdb replication bypassrls",
  service_role: "inherit bypassrls",
  supabase_admin: "login inherit superuser createrole createdb replication bypassrls",
  supabase_auth_admin: "login",
  supabase_etl_admin: "login inherit replication",
  supabase_functions_admin: "login createrole",
  supabase_read_only_user: "login inherit bypassrls",
  supabase_realtime_admin: "",
  supabase_replication_admin: "login inherit replication",
  supabase_storage_admin: "login createrole",
};

let target: LocalTarget;
let owner: postgres.Sql;
let superuser: postgres.Sql;

Deno.test.beforeAll(async () => {
  target = await startLocalTarget({ migrations: false, function: false });
  owner = postgres(target.databaseUrl, { max: 1, onnotice: () => {} });
  superuser = postgres(target.superuserUrl, { max: 1, onnotice: () => {} });
});

Deno.test.afterAll(async () => {
  await owner.end();
  await superuser.end();
  await target.stop();
});

/** Runs `work` in a transaction that is rolled back. */
async function undone<T>(sql: postgres.Sql, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const reserved = await sql.reserve();
  try {
    await reserved`begin`;
    return await work(reserved);
  } finally {
    await reserved`rollback`;
    reserved.release();
  }
}

/** What a policy sees of a request with these claims. */
function withClaims<T>(role: string, claims: string, work: (sql: postgres.Sql) => Promise<T>) {
  return undone(superuser, async (sql) => {
    await sql`select set_config('request.jwt.claims', ${claims}, true)`;
    await sql.unsafe(`set local role ${role}`);
    return await work(sql);
  });
}

const refusedWith = (code: string) => (error: unknown) =>
  error instanceof postgres.PostgresError && error.code === code;

Deno.test("platform() gives every role the platform's attributes", async () => {
  const rows = await superuser<{ name: string; attributes: string }[]>`
    select rolname as name, concat_ws(' ',
      case when rolcanlogin then 'login' end, case when rolinherit then 'inherit' end,
      case when rolsuper then 'superuser' end, case when rolcreaterole then 'createrole' end,
      case when rolcreatedb then 'createdb' end, case when rolreplication then 'replication' end,
      case when rolbypassrls then 'bypassrls' end) as attributes
    from pg_roles where rolname !~ '^pg_' order by rolname`;
  assert.deepEqual(Object.fromEntries(rows.map((row) => [row.name, row.attributes])), ROLES);
});

Deno.test("platform() gives every role the platform's memberships", async () => {
  const rows = await superuser<{ membership: string }[]>`
    select format('%s in %s%s', member::regrole, roleid::regrole,
      case when admin_option then ' (admin)' else '' end) as membership
    from pg_auth_members where member::regrole::text !~ '^pg_' order by 1`;
  assert.deepEqual(rows.map((row) => row.membership), [
    "authenticator in anon",
    "authenticator in authenticated",
    "authenticator in service_role",
    "postgres in anon (admin)",
    "postgres in authenticated (admin)",
    "postgres in authenticator (admin)",
    "postgres in pg_create_subscription",
    "postgres in pg_monitor (admin)",
    "postgres in pg_read_all_data (admin)",
    "postgres in pg_signal_backend (admin)",
    "postgres in service_role (admin)",
    "supabase_etl_admin in pg_read_all_data",
    "supabase_read_only_user in pg_read_all_data",
    "supabase_storage_admin in authenticator",
  ]);
});

Deno.test("postgres may not create in the platform's schemas, and may in public", async () => {
  for (const schema of ["auth", "storage", "realtime"]) {
    await assert.rejects(owner.unsafe(`create table ${schema}.mine ()`), refusedWith("42501"));
    await assert.rejects(
      owner.unsafe(`create function ${schema}.mine() returns int return 1`),
      refusedWith("42501"),
    );
  }
  await undone(owner, (sql) => sql.unsafe("create table public.mine ()"));
});

Deno.test("postgres makes a role, and hands it to authenticator and authenticated", async () => {
  await undone(owner, async (sql) => {
    await sql`create role writer nologin`;
    await sql`grant writer to authenticator`;
    await sql`grant authenticated to writer`;
  });
});

Deno.test("postgres cannot give itself more: no superuser, no other owner's role", async () => {
  await assert.rejects(owner`create role mine superuser`, refusedWith("42501"));
  await assert.rejects(owner`alter role postgres superuser`, refusedWith("42501"));
  await assert.rejects(owner`set role supabase_auth_admin`, refusedWith("42501"));
  await assert.rejects(owner`grant supabase_admin to postgres`, refusedWith("42501"));
});

Deno.test("postgres configures PostgREST in the database", async () => {
  await undone(
    owner,
    (sql) => sql`alter role authenticator set pgrst.db_pre_request = 'public.check'`,
  );
});

Deno.test("postgres may refer to auth.users, and not change the table", async () => {
  await undone(
    owner,
    (sql) => sql`create table public.notes (author uuid references auth.users)`,
  );
  await assert.rejects(owner`alter table auth.users add column mine int`, refusedWith("42501"));
});

Deno.test("a new table is granted to nobody, not even to service_role", async () => {
  const access = await undone(owner, async (sql) => {
    await sql`create table public.fresh ()`;
    return await sql<{ role: string }[]>`
      select role from unnest(array['anon', 'authenticated', 'service_role']) role
      where has_table_privilege(role, 'public.fresh', 'select')`;
  });
  assert.equal(access.length, 0);
});

Deno.test("anonymous roles cannot create in public", async () => {
  for (const role of ["anon", "authenticated", "service_role"]) {
    await assert.rejects(
      withClaims(role, "", (sql) => sql`create table public.theirs ()`),
      refusedWith("42501"),
    );
  }
});

Deno.test("auth.uid(), auth.role(), auth.email() and auth.jwt() read the claims", async () => {
  const sub = crypto.randomUUID();
  const claims = JSON.stringify({ sub, role: "authenticated", email: "a@example.com", extra: [1] });
  const [row] = await withClaims(
    "authenticated",
    claims,
    (sql) => sql`select auth.uid(), auth.role(), auth.email(), auth.jwt() -> 'extra' as extra`,
  );
  assert.deepEqual({ ...row }, {
    uid: sub,
    role: "authenticated",
    email: "a@example.com",
    extra: [1],
  });
});

Deno.test("auth.uid() and its kin are null without claims", async () => {
  for (const claims of ["", "{}"]) {
    const [row] = await withClaims(
      "anon",
      claims,
      (sql) => sql`select auth.uid(), auth.role(), auth.email()`,
    );
    assert.deepEqual({ ...row }, { uid: null, role: null, email: null });
  }
});

Deno.test("auth.uid() raises 22P02 for a subject that is no UUID", async () => {
  const query = (sql: postgres.Sql) => sql`select auth.uid()`;
  await assert.rejects(
    withClaims("authenticated", JSON.stringify({ sub: "depot-42" }), query),
    refusedWith("22P02"),
  );
  await withClaims("authenticated", JSON.stringify({ sub: crypto.randomUUID() }), query);
});

Deno.test("auth.uid() is denied to a custom role unless that is a member of authenticated", async () => {
  const call = (setup: string) =>
    undone(owner, async (sql) => {
      await sql.unsafe(
        `create role writer nologin; ${setup} grant writer to postgres; set local role writer`,
      );
      return await sql`select auth.uid()`;
    });
  await assert.rejects(call(""), refusedWith("42501"));
  await call("grant authenticated to writer;");
});

Deno.test("service_role passes row level security and authenticated does not", async () => {
  const count = (role: string) =>
    undone(superuser, async (sql) => {
      await sql.unsafe(`
        create table public.secrets (id int);
        alter table public.secrets enable row level security;
        grant select on public.secrets to service_role, authenticated;
        insert into public.secrets values (1);
        set local role ${role}`);
      return (await sql`select from public.secrets`).length;
    });
  assert.equal(await count("authenticated"), 0);
  assert.equal(await count("service_role"), 1);
});
