import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import assert from "node:assert/strict";
import postgres from "postgres";
import { MIGRATIONS } from "./migrations.ts";
import {
  applyMigrations,
  databaseTime,
  openDatabase,
  RegistryError,
  roleStandings,
  schemaDifferences,
} from "../mod.ts";
import { schemaObjects } from "./schema_objects.ts";

let local: LocalTarget;
let sql: postgres.Sql;

Deno.test.beforeAll(async () => {
  local = await startLocalTarget({
    function: false,
    sql: ["select countersign.create_writer_role('notes_writer')", "create schema hidden"],
  });
  sql = postgres(local.databaseUrl, { prepare: false, max: 1, onnotice: () => {} });
});

Deno.test.afterAll(async () => {
  await sql.end();
  await local.stop();
});

Deno.test("schemaObjects() recognises every statement of the migrations that makes something", () => {
  const written = MIGRATIONS.map(({ sql }) => sql).join("\n");
  // What is indented stands inside a block that runs once.
  const statements = written.match(/^(create|comment on) .*/gm) ?? [];
  const objects = schemaObjects();
  const made = objects.filter(({ kind }) => kind !== "column").length;
  const comments = objects.filter(({ comment }) => comment !== undefined).length;
  assert.equal(made + comments, statements.length);
  assert.match(
    objects.find(({ name }) => name === "countersign.check_token")?.body ?? "",
    /^\ndeclare\n[^]*\nend $/,
  );
});

for (
  const [what, damage, object, found, repair = "select"] of [
    [
      "a function that was dropped",
      "drop function countersign.guard_disable()",
      "function countersign.guard_disable",
      "missing",
    ],
    [
      "a function of another version",
      "create or replace function countersign.guard_disable() returns jsonb language plpgsql as 'begin return null; end'",
      "function countersign.guard_disable",
      "different",
    ],
    [
      "a view of another version, by its comment",
      "comment on view public.jwt_issuer_policies is 'What the proxy reads.'",
      "view public.jwt_issuer_policies",
      "different",
    ],
    [
      "a comment that was removed",
      "comment on table public.jwt_issuers is null",
      "table public.jwt_issuers",
      "different",
    ],
    [
      "a view that was dropped",
      "drop view public.jwt_registry_version",
      "view public.jwt_registry_version",
      "missing",
    ],
    [
      "a trigger that was disabled",
      "alter table public.jwt_public_keys disable trigger record_change",
      "trigger record_change on public.jwt_public_keys",
      "missing",
      "alter table public.jwt_public_keys enable trigger record_change",
    ],
    [
      "an index that was dropped",
      "drop index public.jwt_public_keys_issuer_idx",
      "index public.jwt_public_keys_issuer_idx",
      "missing",
    ],
    [
      "a column that is not there yet",
      "alter table public.jwt_issuers drop column description",
      "column public.jwt_issuers.description",
      "missing",
      "alter table public.jwt_issuers add column description text",
    ],
  ] as const
) {
  Deno.test(`schemaDifferences() names ${what}, and nothing once it is repaired`, async () => {
    await sql.unsafe(damage);
    assert.deepEqual(await schemaDifferences({ sql }), [{ object, found }]);
    await sql.unsafe(repair);
    await applyMigrations({ sql });
    assert.deepEqual(await schemaDifferences({ databaseUrl: local.databaseUrl }), []);
  });
}

Deno.test("schemaDifferences() takes line ends for no difference", async () => {
  for (const migration of MIGRATIONS) {
    await sql.unsafe(migration.sql.replaceAll("\n", "\r\n"));
  }
  assert.deepEqual(await schemaDifferences({ sql }), []);
  await applyMigrations({ sql });
});

for (
  const [what, change, refusal] of [
    ["is gone", "drop role bad_writer", /^does not exist$/],
    ["has BYPASSRLS", "alter role bad_writer bypassrls", /^has BYPASSRLS$/],
    [
      "can't be assumed",
      "revoke bad_writer from authenticator",
      /^cannot be assumed by "authenticator"$/,
    ],
    [
      "inherits a power",
      "create role powerful bypassrls; grant powerful to bad_writer",
      /^is a member of "powerful", which has BYPASSRLS$/,
    ],
  ] as const
) {
  Deno.test(`roleStandings() says why when a role ${what}`, async () => {
    await sql.unsafe("select countersign.create_writer_role('bad_writer')");
    const roles = ["notes_writer", "bad_writer"];
    assert((await roleStandings({ sql }, roles)).every((role) => role.refusal === null));
    await sql.unsafe(change);
    const [bad, good] = await roleStandings({ sql }, roles);
    assert.match(bad?.refusal ?? "", refusal);
    assert.equal(good?.refusal, null);
    await sql.unsafe("drop role if exists powerful, bad_writer");
  });
}

Deno.test("roleStandings() says whether a role inherits from authenticated", async () => {
  for (
    const [grant, expected] of [
      ["select", false],
      ["grant authenticated to lone_writer with inherit false", false],
      ["grant authenticated to lone_writer with inherit true", true],
    ] as const
  ) {
    await sql.unsafe(`create role lone_writer; grant lone_writer to authenticator; ${grant}`);
    const [lone] = await roleStandings({ sql }, ["lone_writer"]);
    assert.deepEqual([lone?.refusal, lone?.isAuthenticated], [null, expected], grant);
    await sql.unsafe("drop role lone_writer");
  }
});

for (
  const [what, grant, unprotected] of [
    ["to the role", "grant insert on public.notes to notes_writer", true],
    ["to one column", "grant select (text) on public.notes to notes_writer", true],
    ["to authenticated", "grant delete on public.notes to authenticated", true],
    ["to everyone", "grant truncate on public.notes to public", true],
    ["to another role", "grant all on public.notes to service_role", false],
    [
      "and protects the table",
      "grant all on public.notes to notes_writer; alter table public.notes enable row level security",
      false,
    ],
    [
      "in a schema that is out of reach",
      "grant all on public.notes to notes_writer; alter table public.notes set schema hidden",
      false,
    ],
  ] as const
) {
  Deno.test(`roleStandings() finds ${unprotected ? "a" : "no"} table without row level security for a grant ${what}`, async () => {
    await sql.unsafe(`create table public.notes (text text); ${grant}`);
    const [standing] = await roleStandings({ sql }, ["notes_writer"]);
    assert.deepEqual(standing?.unprotectedTables, unprotected ? ["public.notes"] : []);
    await sql.unsafe("drop table if exists public.notes, hidden.notes");
  });
}

Deno.test("roleStandings() leaves out what the operator does not own", async () => {
  const admin = postgres(local.superuserUrl, { max: 1, onnotice: () => {} });
  await admin.unsafe(
    "create table public.platform (a int); grant all on public.platform to public",
  );
  const [standing] = await roleStandings({ sql }, ["notes_writer"]);
  assert.deepEqual(standing?.unprotectedTables, []);
  await admin.unsafe("drop table public.platform");
  await admin.end();
});

Deno.test("databaseTime() is the database's own", async () => {
  const before = Date.now();
  const time = await databaseTime({ databaseUrl: local.databaseUrl });
  // One machine, and two ways to round.
  assert(time > before - 10 && time < Date.now() + 10);
});

Deno.test("openDatabase() shares one connection, and says where it leads when it fails", async () => {
  await using database = openDatabase({ databaseUrl: local.databaseUrl });
  const pid = () => database.sql`select pg_backend_pid() as pid`.then(([row]) => row?.pid);
  const first = await pid();
  await roleStandings(database, ["notes_writer"]);
  assert.equal(await pid(), first);

  const url = new URL(local.databaseUrl);
  url.password = "wr0ng";
  await using refused = openDatabase({ databaseUrl: url.href });
  await assert.rejects(databaseTime(refused), (error) => {
    assert(error instanceof RegistryError);
    assert.equal(error.code, "not_authorized");
    assert(!Deno.inspect(error).includes("wr0ng"));
    return true;
  });
});
