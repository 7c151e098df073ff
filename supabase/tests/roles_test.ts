import assert from "node:assert/strict";
import {
  connect,
  refusal,
  register,
  RegistryDatabase,
  undone,
  type Work,
} from "./fixtures/registry_database.ts";
import { serverVersion, spelledFor } from "./fixtures/server_version.ts";

let registry: RegistryDatabase;
Deno.test.beforeAll(async () => {
  registry = await RegistryDatabase.start();
});
Deno.test.afterAll(() => registry.stop());

const asSuperuser = <T>(work: Work<T>) => undone(registry.superuser, work);

/** What an issuer that was given `role` may claim, once `prepare` has run; checked when written and when read. */
async function judged(role: string, prepare: string): Promise<{ written: string; read: string[] }> {
  return await asSuperuser(async (sql) => {
    await sql`insert into jwt_issuers (issuer, allowed_roles) values ('early', array[]::text[])`;
    await sql.unsafe(`alter table jwt_issuers disable trigger before_change;
      update jwt_issuers set allowed_roles = '{${role}}' where issuer = 'early';
      alter table jwt_issuers enable always trigger before_change`);
    await sql.unsafe(spelledFor(await serverVersion(sql), prepare));
    const written = await sql.savepoint((sql) =>
      sql`insert into jwt_issuers (issuer, allowed_roles) values ('late', array[${role}])`
    ).then(() => "accepted", (reason: Error) => reason.message);
    const [row] = await sql`select allowed_roles from jwt_issuer_policies where issuer = 'early'`;
    return { written, read: row?.allowed_roles };
  });
}

// Each is prepared on its own, from a writer role that is safe.
const NEW = "select countersign.create_writer_role('depot_writer');";
const HOSTILE: readonly (readonly [why: string, prepare: string, message: RegExp])[] = [
  ["has SUPERUSER", "alter role depot_writer superuser", /has SUPERUSER/],
  ["has BYPASSRLS", "alter role depot_writer bypassrls", /has BYPASSRLS/],
  ["has CREATEROLE", "alter role depot_writer createrole", /has CREATEROLE/],
  ["has CREATEDB", "alter role depot_writer createdb", /has CREATEDB/],
  ["has REPLICATION", "alter role depot_writer replication", /has REPLICATION/],
  [
    "is a member of service_role",
    "grant service_role to depot_writer",
    /member of "service_role", which has BYPASSRLS/,
  ],
  [
    "is a member of one with BYPASSRLS",
    "create role chief bypassrls; grant chief to depot_writer",
    /member of "chief", which has BYPASSRLS/,
  ],
  [
    "is a member of a member of one with BYPASSRLS",
    "create role chief bypassrls; create role deputy; grant chief to deputy; grant deputy to depot_writer",
    /member of "chief", which has BYPASSRLS/,
  ],
  [
    "may only SET ROLE to one with BYPASSRLS",
    "create role chief bypassrls; grant chief to depot_writer with inherit false, set true",
    /member of "chief"/,
  ],
  [
    "may only inherit from one with BYPASSRLS",
    "create role chief bypassrls; grant chief to depot_writer with inherit true, set false",
    /member of "chief"/,
  ],
  [
    "may only administer one with BYPASSRLS",
    "create role chief bypassrls; grant chief to depot_writer with admin true, inherit false, set false",
    /member of "chief"/,
  ],
  [
    "reaches BYPASSRLS through a NOINHERIT role",
    "create role chief bypassrls; create role deputy noinherit; grant chief to deputy; grant deputy to depot_writer",
    /member of "chief"/,
  ],
  ["reads all data", "grant pg_read_all_data to depot_writer", /"pg_read_all_data", which belongs/],
  ["writes all data", "grant pg_write_all_data to depot_writer", /"pg_write_all_data", which/],
  [
    "reads the server's files",
    "grant pg_read_server_files to depot_writer",
    /"pg_read_server_files"/,
  ],
  [
    "runs programs on the server",
    "grant pg_execute_server_program to depot_writer",
    /"pg_execute_server_program"/,
  ],
  ["reads the policies", "grant countersign_reader to depot_writer", /"countersign_reader"/],
  [
    "owns the database",
    "alter database postgres owner to depot_writer",
    /"pg_database_owner", which/,
  ],
  [
    "owns a table with row level security",
    "create table t (); alter table t enable row level security; alter table t owner to depot_writer",
    /owns a table with row level security/,
  ],
  [
    "is a member of one who owns a table with row level security",
    `create role chief; create table t (); alter table t enable row level security;
     alter table t owner to chief; grant chief to depot_writer`,
    /member of "chief", which owns a table/,
  ],
  ["can't be assumed", "revoke depot_writer from authenticator", /cannot be assumed/],
  [
    "can't be assumed for lack of the SET option",
    `revoke depot_writer from authenticator; grant depot_writer to authenticator with set false`,
    /cannot be assumed/,
  ],
  [
    "is gone",
    "revoke depot_writer from authenticator; drop role depot_writer",
    /does not exist/,
  ],
];
for (const [why, prepare, message] of HOSTILE) {
  Deno.test(`allowed_roles refuses a role that ${why}, and hides one that was allowed before`, async () => {
    const { written, read } = await judged("depot_writer", `${NEW} ${prepare}`);
    assert.match(written, message);
    assert.deepEqual(read, []);
  });
}

// What differs from the cases above is harmless in each.
const HARMLESS: readonly (readonly [why: string, prepare: string])[] = [
  ["was made by create_writer_role()", ""],
  ["may log in", "alter role depot_writer login connection limit 5"],
  ["does not inherit", "alter role depot_writer noinherit"],
  ["is a member of a plain role", "create role chief; grant chief to depot_writer"],
  ["has a member with BYPASSRLS", "create role chief bypassrls; grant depot_writer to chief"],
  [
    "lost BYPASSRLS again",
    "alter role depot_writer bypassrls; alter role depot_writer nobypassrls",
  ],
  [
    "owns a table without row level security",
    "create table t (); alter table t owner to depot_writer",
  ],
  [
    "owns a temporary table",
    `create temp table t (); alter table t enable row level security; alter table t owner to depot_writer`,
  ],
];
for (const [why, prepare] of HARMLESS) {
  Deno.test(`allowed_roles accepts a role that ${why}`, async () => {
    assert.deepEqual(await judged("depot_writer", `${NEW} ${prepare}`), {
      written: "accepted",
      read: ["depot_writer"],
    });
  });
}

const PLATFORM = [
  "service_role",
  "authenticator",
  "postgres",
  "supabase_admin",
  "supabase_auth_admin",
  "supabase_storage_admin",
  "supabase_realtime_admin",
  "supabase_etl_admin",
  "dashboard_user",
  "pgbouncer",
  "pg_read_all_data",
  "pg_monitor",
  "countersign_reader",
];
for (const role of PLATFORM) {
  Deno.test(`allowed_roles refuses ${role}, even if authenticator could assume it and it had no powers`, async () => {
    const grants = role.startsWith("pg_") || ["authenticator", "postgres"].includes(role)
      ? ""
      : `alter role ${role} nosuperuser nobypassrls nocreaterole nocreatedb noreplication;
         grant ${role} to authenticator`;
    const { written, read } = await judged(role, role.endsWith("admin") ? "" : grants);
    assert.match(
      written,
      /belongs to the platform|has (SUPERUSER|BYPASSRLS|CREATEROLE|REPLICATION)/,
    );
    assert.deepEqual(read, []);
  });
}

for (const role of ["anon", "authenticated"]) {
  Deno.test(`allowed_roles accepts ${role}, which any writer role may become anyway or anyone is`, async () => {
    assert.deepEqual(await judged(role, ""), { written: "accepted", read: [role] });
  });
}

for (
  const role of ["none", "public", "WIDGETS_WRITER", "widgets_writer ", "widgets_writer\u0000"]
) {
  Deno.test(`allowed_roles refuses ${JSON.stringify(role)}, which only looks like a role`, async () => {
    await assert.rejects(
      registry.undone((sql) =>
        sql`insert into jwt_issuers (issuer, allowed_roles) values ('a', array[${role}])`
      ),
    );
  });
}

Deno.test("a role that became unsafe does not stand in the way of a revocation", async () => {
  await asSuperuser(async (sql) => {
    await register(sql, "billing", { default_role: "widgets_writer" });
    await sql`alter role widgets_writer bypassrls`;
    assert.deepEqual(
      [...await sql`select allowed_roles, default_role from jwt_issuer_policies`],
      [{ allowed_roles: [], default_role: null }],
    );
    await sql`update jwt_issuers set is_active = false`;
    await sql`update jwt_public_keys set is_active = false`;
    await sql`update jwt_issuers set allowed_roles = '{}', default_role = null`;
    await assert.rejects(
      sql.savepoint((sql) => sql`update jwt_issuers set allowed_roles = '{widgets_writer}'`),
      refusal("23514", /BYPASSRLS/),
    );
  });
});

Deno.test("create_writer_role() makes a role to which authenticated's policies and grants apply", async () => {
  await registry.undone(async (sql) => {
    await sql`select countersign.create_writer_role('depot_writer')`;
    const [row] = await sql`select
      pg_has_role('depot_writer', 'authenticated', 'USAGE') as inherits,
      countersign.role_refusal('depot_writer') is null as assumable,
      pg_has_role('authenticator', 'depot_writer', 'USAGE') as leaks,
      rolcanlogin as login, countersign.role_refusal('depot_writer') as refusal
      from pg_roles where rolname = 'depot_writer'`;
    assert.deepEqual(row, {
      inherits: true,
      assumable: true,
      leaks: false,
      login: false,
      refusal: null,
    });
  });
});

Deno.test("create_writer_role() lets policies TO authenticated apply to a role that was NOINHERIT", async () => {
  await registry.undone(async (sql) => {
    await sql`create role depot_writer noinherit`;
    await sql`select countersign.create_writer_role('depot_writer')`;
    const [row] =
      await sql`select pg_has_role('depot_writer', 'authenticated', 'USAGE') as inherits`;
    assert.deepEqual(row, { inherits: true });
  });
});

Deno.test("create_writer_role() changes nothing when run again, and mends what is missing", async () => {
  await registry.undone(async (sql) => {
    const memberships = async () => {
      await sql`select countersign.create_writer_role('depot_writer')`;
      return [
        ...await sql`select to_jsonb(m) - 'oid' as membership
        from pg_auth_members m where 'depot_writer'::regrole in (roleid, member) order by roleid, member`,
      ];
    };
    const first = await memberships();
    assert.deepEqual(await memberships(), first);
    await sql`revoke authenticated from depot_writer`;
    assert.deepEqual(await memberships(), first);
  });
});

Deno.test("create_writer_role() refuses to make an existing role with powers assumable", async () => {
  for (const role of ["service_role", "supabase_auth_admin", "postgres", "dashboard_user"]) {
    await assert.rejects(
      asSuperuser((sql) => sql`select countersign.create_writer_role(${role})`),
      refusal("0P000", /cannot be made a writer role/),
    );
  }
  const existing = (options: string) =>
    asSuperuser(async (sql) => {
      await sql.unsafe(`create role chief; create role auditor ${options}`);
      await sql`select countersign.create_writer_role('auditor')`;
    });
  await assert.rejects(existing("; grant pg_read_all_data to auditor"), refusal("0P000"));
  await assert.rejects(
    existing("; grant pg_read_all_data to chief; grant chief to auditor"),
    refusal("0P000"),
  );
  await existing("; grant chief to auditor");
});

for (
  const name of [
    "",
    "Depot",
    "1depot",
    "depot writer",
    'depot"; drop table jwt_issuers; --',
    "dépôt",
    "d".repeat(64),
    "depot\nwriter",
    "pg_depot",
    "supabase_depot",
  ]
) {
  Deno.test(`create_writer_role() refuses the name ${JSON.stringify(name.slice(0, 20))}`, async () => {
    await assert.rejects(
      registry.undone((sql) => sql`select countersign.create_writer_role(${name})`),
      /not allowed|reserved/,
    );
  });
}
for (const name of ["depot-1", "_depot", "d".repeat(63), "select", "user"]) {
  Deno.test(`create_writer_role() accepts the name ${JSON.stringify(name.slice(0, 20))}`, async () => {
    await registry.undone(async (sql) => {
      await sql`select countersign.create_writer_role(${name})`;
      await sql`insert into jwt_issuers (issuer, allowed_roles) values ('a', array[${name}])`;
    });
  });
}

Deno.test("create_writer_role() called 20 times at once makes one role", async () => {
  const { owner } = registry;
  const pool = connect(registry.target.databaseUrl, { max: 20 });
  try {
    await Promise.all(
      Array.from({ length: 20 }, () => pool`select countersign.create_writer_role('crowd_writer')`),
    );
    assert.deepEqual([...await owner`select countersign.role_refusal('crowd_writer') as refusal`], [
      { refusal: null },
    ]);
  } finally {
    await pool.end();
  }
});
