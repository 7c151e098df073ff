import { postgresUnderTest } from "@countersign/fixture/stage";
import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import assert from "node:assert/strict";
import type postgres from "postgres";
import {
  becomeRequest,
  connect,
  countersigned,
  MIGRATIONS,
  refusal,
  register,
  undone,
} from "./fixtures/registry_database.ts";
import { readSealKey } from "./fixtures/seal.ts";
import { serverVersion, spelledFor } from "./fixtures/server_version.ts";

let target: LocalTarget;
let superuser: postgres.Sql;
Deno.test.beforeAll(async () => {
  target = await startLocalTarget({
    ...postgresUnderTest(),
    migrations: false,
    function: false,
  });
  superuser = connect(target.superuserUrl);
});
Deno.test.afterAll(async () => {
  await superuser.end();
  await target.stop();
});

type Runner = (sql: postgres.Sql) => Promise<unknown>;

/** The ways in which tools run a migration file. */
const RUNNERS: Record<string, Runner> = {
  "a file at a time, as db push and the SQL editor do": async (sql) => {
    for (const { sql: file } of MIGRATIONS) await sql.unsafe(file);
  },
  "all in one transaction, as applyMigrations does": (sql) =>
    sql.begin(async (sql) => {
      for (const { sql: file } of MIGRATIONS) await sql.unsafe(file);
    }),
  "a statement at a time, as psql does": async (sql) => {
    for (const { sql: file } of MIGRATIONS) {
      for (const statement of statements(file)) await sql.unsafe(statement);
    }
  },
};

/** Splits at semicolons that end a line outside a dollar-quoted body. */
function statements(file: string): string[] {
  const found: string[] = [];
  let statement = "";
  for (const line of file.split("\n").filter((line) => !line.startsWith("--"))) {
    statement += `${line}\n`;
    const inBody = (statement.split("$$").length - 1) % 2 === 1;
    if (!inBody && /;(\s*--.*)?$/.test(line)) {
      found.push(statement);
      statement = "";
    }
  }
  assert.equal(statement.trim(), "");
  return found;
}

/** A database as the platform makes it, in the target's cluster. */
async function freshDatabase(name: string, owner = "postgres"): Promise<(url: string) => string> {
  await superuser.unsafe(`create database ${name} owner ${owner}`);
  const url = (url: string) => Object.assign(new URL(url), { pathname: `/${name}` }).href;
  const sql = connect(url(target.superuserUrl));
  try {
    await sql.unsafe(`
      create schema auth;
      grant usage on schema auth to ${owner}, anon, authenticated, service_role;
      grant usage on schema public to anon, authenticated, service_role`);
  } finally {
    await sql.end();
  }
  return url;
}

/** Everything that the migrations make, as text. */
async function catalog(sql: postgres.Sql): Promise<string[]> {
  const rows = await sql<{ line: string }[]>`
    with ours as (
      select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'countersign' or n.nspname = 'public' and c.relname like 'jwt\\_%'
    )
    select concat_ws(' ', 'function', pg_get_functiondef(p.oid), proacl, obj_description(p.oid)) as line
      from pg_proc p where pronamespace = 'countersign'::regnamespace
    union all
    select concat_ws(' ', 'relation', c.oid::regclass, relkind, relacl, relowner::regrole, relrowsecurity,
      relforcerowsecurity, obj_description(c.oid), case when relkind = 'v' then pg_get_viewdef(c.oid) end)
      from pg_class c join ours using (oid)
    union all
    select concat_ws(' ', 'column', attrelid::regclass, attname, atttypid::regtype, attnotnull, attgenerated,
      pg_get_expr(adbin, adrelid), col_description(attrelid, attnum))
      from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
      join ours on ours.oid = attrelid where attnum > 0
    union all
    select concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(c.oid))
      from pg_constraint c join ours on ours.oid = conrelid
    union all
    select concat_ws(' ', 'trigger', pg_get_triggerdef(t.oid), tgenabled)
      from pg_trigger t join ours on ours.oid = tgrelid where not tgisinternal
    union all
    select concat_ws(' ', 'policy', polrelid::regclass, polname, polcmd, polroles::regrole[], pg_get_expr(polqual, polrelid))
      from pg_policy join ours on ours.oid = polrelid
    union all
    select concat_ws(' ', 'schema', nspname, nspacl, obj_description(oid, 'pg_namespace'))
      from pg_namespace where nspname = 'countersign'
    order by 1`;
  return rows.map(({ line }) => line);
}

async function advisoryLocks(sql: postgres.Sql): Promise<number> {
  const [row] = await sql`
    select count(*)::int as held from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()`;
  return row?.held;
}

let reference: string[];

// First, because only here the cluster does not have the role countersign_reader yet.
Deno.test("migrations run 20 times at once in one database, and in another of the same cluster", async () => {
  const [one, other] = [await freshDatabase("crowd"), await freshDatabase("crowd_other")];
  const runners = Object.values(RUNNERS);
  const connections = Array.from(
    { length: 24 },
    (_, n) => connect((n < 20 ? one : other)(target.databaseUrl)),
  );
  try {
    await Promise.all(connections.map((sql, n) => runners[n % runners.length]!(sql)));
    reference = await catalog(connections[0]!);
    assert.deepEqual(await catalog(connections[23]!), reference);
    assert(reference.length > 100);
    for (const sql of connections) assert.equal(await advisoryLocks(sql), 0);
  } finally {
    await Promise.all(connections.map((sql) => sql.end()));
  }
});

for (const [how, run] of Object.entries(RUNNERS)) {
  Deno.test(`migrations make the same ${how}, and nothing more the second time`, async () => {
    const name = `run_${Object.keys(RUNNERS).indexOf(how)}`;
    const sql = connect((await freshDatabase(name))(target.databaseUrl));
    try {
      await run(sql);
      assert.deepEqual(await catalog(sql), reference);
      await sql`select countersign.create_writer_role('widgets_writer')`;
      await register(sql, "billing");
      await sql`select countersign.guard_enable()`;
      const state = async () => [
        ...await sql`select * from jwt_issuer_policies`,
        ...await sql`select * from jwt_registry_audit`,
        ...await sql`select version from jwt_registry_version`,
        ...await sql`select countersign.guard_status()`,
      ];
      const before = await state();
      await run(sql);
      assert.deepEqual(await catalog(sql), reference);
      assert.deepEqual(await state(), before);
      assert.equal(await advisoryLocks(sql), 0);
      await sql`select countersign.guard_disable()`;
    } finally {
      await sql.end();
    }
  });
}

Deno.test("migrations that fail in a transaction leave no lock behind", async () => {
  const sql = connect((await freshDatabase("failing"))(target.databaseUrl));
  try {
    for (const { sql: file } of MIGRATIONS) {
      await assert.rejects(sql.unsafe(`${file}; select 1/0`), refusal("22012"));
      assert.equal(await advisoryLocks(sql), 0);
      await sql.unsafe(file);
    }
  } finally {
    await sql.end();
  }
});

Deno.test("migrations skip the aliases in auth with a notice where it is the platform's", async () => {
  const notices: string[] = [];
  const sql = connect((await freshDatabase("hosted"))(target.databaseUrl), {
    onnotice: ({ message }) => notices.push(message ?? ""),
  });
  try {
    for (const { sql: file } of MIGRATIONS) await sql.unsafe(file);
    assert.equal(
      notices.filter((notice) => /^auth\.issuer\(\).* are left out/.test(notice)).length,
      1,
    );
  } finally {
    await sql.end();
  }
});

Deno.test("migrations run as superuser make the same, and the aliases in auth", async () => {
  const url = (await freshDatabase("self_hosted"))(target.superuserUrl);
  const sql = connect(url);
  try {
    for (const { sql: file } of MIGRATIONS) await sql.unsafe(file);
    await readSealKey(sql);
    const differing = (lines: string[]) =>
      lines.map((line) => line.replaceAll(/postgres|supabase_admin/g, "owner")).sort();
    assert.deepEqual(differing(await catalog(sql)), differing(reference));
    await undone(sql, async (sql) => {
      const claims = countersigned("billing", "x".repeat(43));
      await becomeRequest(sql, { role: "widgets_writer", claims });
      assert.deepEqual(
        [...await sql`select auth.issuer(), auth.is_issuer('billing'), auth.has_role('widgets_writer')`],
        [{ issuer: "billing", is_issuer: true, has_role: true }],
      );
    });
  } finally {
    await sql.end();
  }
});

Deno.test("migrations run again as superuser after postgres leave the owner alone and add the aliases", async () => {
  const url = await freshDatabase("moved");
  const [owner, admin] = [connect(url(target.databaseUrl)), connect(url(target.superuserUrl))];
  try {
    for (const { sql: file } of MIGRATIONS) await owner.unsafe(file);
    for (const { sql: file } of MIGRATIONS) await admin.unsafe(file);
    assert.deepEqual(await catalog(owner), reference);
  } finally {
    await owner.end();
    await admin.end();
  }
});

Deno.test("the registry works for an owner that is neither superuser nor BYPASSRLS", async () => {
  await superuser.unsafe(spelledFor(
    await serverVersion(superuser),
    `create role plain_owner login createrole password 'plain';
    grant anon, authenticated, service_role, authenticator, countersign_reader to plain_owner with admin true, inherit false`,
  ));
  const url = (await freshDatabase("plain", "plain_owner"))(target.databaseUrl);
  const sql = connect(
    Object.assign(new URL(url), { username: "plain_owner", password: "plain" }).href,
  );
  try {
    for (const { sql: file } of MIGRATIONS) await sql.unsafe(file);
    await readSealKey(sql);
    await sql`select countersign.create_writer_role('plain_writer')`;
    await undone(sql, async (sql) => {
      const kid = await register(sql, "billing", {
        allowed_roles: ["plain_writer"],
        single_use: true,
      });
      for (const role of ["service_role", "countersign_reader"]) {
        await sql`select set_config('role', ${role}, true)`;
        assert.equal((await sql`select * from jwt_issuer_policies`).length, 1);
      }
      const claims = countersigned("billing", kid, {
        role: "plain_writer",
        countersign: { kid, jti: "once" },
      });
      await sql`select set_config('role', 'none', true)`;
      await becomeRequest(sql, { role: "plain_writer", claims });
      await sql`select countersign.check_request()`;
      await assert.rejects(
        sql.savepoint((sql) => sql`select countersign.check_request()`),
        /token_already_used/,
      );
    });
  } finally {
    await sql.end();
  }
});

Deno.test("migrations refuse a table jwt_public_keys that is not ours, and say how to go on", async () => {
  const sql = connect((await freshDatabase("seeded"))(target.databaseUrl));
  try {
    await sql`create table public.jwt_public_keys (issuer text primary key, public_key text)`;
    await assert.rejects(sql.unsafe(MIGRATIONS[0]!.sql), refusal("P0001", /is not Countersign's/));
    await sql`alter table public.jwt_public_keys rename to jwt_public_keys_before`;
    for (const { sql: file } of MIGRATIONS) await sql.unsafe(file);
  } finally {
    await sql.end();
  }
});

Deno.test("every table, column, view and function that people meet has a comment", async () => {
  const sql = connect((await freshDatabase("commented"))(target.databaseUrl));
  try {
    for (const { sql: file } of MIGRATIONS) await sql.unsafe(file);
    const rows = await sql`
      select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where (n.nspname = 'countersign' or relname like 'jwt\\_%') and relkind in ('r', 'v') and obj_description(c.oid) is null
      union all
      select attrelid::regclass || '.' || attname from pg_attribute
      where attrelid in ('public.jwt_issuers'::regclass, 'public.jwt_public_keys'::regclass) and attnum > 0
        and attname not in ('created_at', 'updated_at') and col_description(attrelid, attnum) is null
      union all
      select oid::regprocedure::text from pg_proc
      where pronamespace = 'countersign'::regnamespace and prorettype <> 'trigger'::regtype and obj_description(oid) is null`;
    assert.deepEqual(rows.map(({ name }) => name), []);
  } finally {
    await sql.end();
  }
});
