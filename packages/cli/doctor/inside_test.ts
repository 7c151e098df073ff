import {
  applyMigrations,
  deactivateIssuer,
  disableGuard,
  enableGuard,
  revokeKey,
} from "@countersign/registry-admin";
import { startLocalTarget } from "@countersign/local-target";
import assert from "node:assert/strict";
import {
  assertSays,
  diagnose,
  type DoctorStage,
  openDoctorStage,
  registerIssuer,
} from "../fixtures/doctor_stage.ts";

let stage: DoctorStage;

Deno.test.beforeAll(async () => {
  stage = await openDoctorStage();
});

Deno.test.afterAll(async () => await stage[Symbol.asyncDispose]());

const DAY = 86_400;
const now = () => Math.floor(Date.now() / 1000);

/** The same without the database: what a service key alone shows. */
const overRest = () => ({
  SUPABASE_URL: stage.target.url,
  SUPABASE_SERVICE_ROLE_KEY: stage.target.serviceRoleKey,
});
const ONLY_BY_SQL = [
  "migrations",
  "grants",
  "sessions",
  "postgrest",
  "schemas",
  "tables",
  "policies",
  "views",
  "functions",
  "user_ids",
].map((check) => `${check}: not checked`);

/** Removes what a test registered. */
function forget(issuer: string): Promise<unknown> {
  return stage.sql`delete from public.jwt_issuers where issuer = ${issuer}`;
}

Deno.test("doctor checks with a service key what a service key shows", async () => {
  for (const key of [stage.target.serviceRoleKey, stage.target.secretKey]) {
    const { code, complaints } = await diagnose({ ...overRest(), SUPABASE_SERVICE_ROLE_KEY: key });
    assert.deepEqual({ code, complaints }, { code: 0, complaints: ONLY_BY_SQL });
  }
});

Deno.test("doctor finds a service key that is not the project's, and does not show it", async () => {
  const key = "sb_secret_of_another_project";
  const diagnosis = await diagnose({ ...overRest(), SUPABASE_SERVICE_ROLE_KEY: key });
  assertSays(diagnosis, "access", /refused this one/, /check the service key/);
  assert(!diagnosis.printed.includes(key));
});

Deno.test("doctor finds a database URL that does not work, tries once, and shows no password", async () => {
  const url = new URL(stage.target.databaseUrl);
  url.password = "wr0ng";
  const diagnosis = await diagnose({ ...stage.env, COUNTERSIGN_ADMIN_DB_URL: url.href });
  assert.deepEqual(diagnosis.complaints, [
    "access: problem",
    ...[
      "migrations",
      "grants",
      "sessions",
      "postgrest",
      "issuers",
      "keys",
      "federation",
      "roles",
      "schemas",
      "tables",
      "policies",
      "views",
      "functions",
      "user_ids",
    ].map((check) => `${check}: not checked`),
  ]);
  assertSays(diagnosis, "access", /password authentication failed/, /database URL/);
  assert(!diagnosis.printed.includes("wr0ng"));

  // The service key still shows what it can.
  const both = await diagnose({ ...overRest(), COUNTERSIGN_ADMIN_DB_URL: url.href });
  assert.deepEqual(both.complaints, ["access: problem", ...ONLY_BY_SQL]);
});

Deno.test("doctor finds a project where nothing was done yet", async () => {
  await using bare = await startLocalTarget({ function: false, migrations: false });
  const keys = { SUPABASE_URL: bare.url, SUPABASE_PUBLISHABLE_KEY: bare.publishableKey };
  for (
    const way of [
      { COUNTERSIGN_ADMIN_DB_URL: bare.databaseUrl },
      { SUPABASE_SERVICE_ROLE_KEY: bare.serviceRoleKey },
    ]
  ) {
    const diagnosis = await diagnose({ ...keys, ...way });
    assertSays(diagnosis, "function", /does not exist/, /supabase functions deploy rest/);
    assertSays(diagnosis, "access", /Expected the registry's tables/, /supabase db push --remote/);
  }
  const diagnosis = await diagnose({ ...keys, COUNTERSIGN_ADMIN_DB_URL: bare.databaseUrl });
  assertSays(diagnosis, "migrations", /is missing.*and \d+ more/, /countersign init/);
  await applyMigrations(bare.databaseUrl);
  const { complaints } = await diagnose({ ...keys, COUNTERSIGN_ADMIN_DB_URL: bare.databaseUrl });
  assert(!complaints.includes("migrations: problem") && !complaints.includes("access: problem"));
});

Deno.test("doctor finds a schema of another version", async () => {
  const { sql } = stage;
  await sql.unsafe("comment on view public.jwt_issuer_policies is 'before'");
  const diagnosis = await diagnose(stage.env);
  assert.deepEqual(diagnosis.complaints, ["migrations: problem"]);
  assertSays(
    diagnosis,
    "migrations",
    /: view public\.jwt_issuer_policies is different$/,
    /is safe/,
  );
  await applyMigrations({ sql });
  assert.deepEqual((await diagnose(stage.env)).complaints, []);
});

Deno.test("doctor finds that the guard's functions are gone, and goes on", async () => {
  const { sql } = stage;
  await sql.unsafe("drop function countersign.guard_status()");
  const diagnosis = await diagnose(stage.env);
  assert.deepEqual(diagnosis.complaints, ["migrations: problem", "guard: not checked"]);
  await applyMigrations({ sql });
});

Deno.test("doctor warns of a guard that is off, and finds it where tokens are for one use", async () => {
  const { sql } = stage;
  await disableGuard({ sql });
  const off = await diagnose(stage.env);
  assert.deepEqual([off.code, off.complaints], [0, ["guard: warning"]]);

  await registerIssuer(sql, "once", { singleUse: true });
  const worse = await diagnose(stage.env);
  assert.deepEqual([worse.code, worse.complaints], [1, ["guard: problem"]]);
  assertSays(
    worse,
    "guard",
    /tokens of once can be used more than once/,
    /countersign guard enable/,
  );

  await enableGuard({ sql });
  assert.deepEqual((await diagnose(stage.env)).complaints, []);
  await forget("once");
});

for (
  const [way, env, not] of [["SQL", () => stage.env, []], ["REST", overRest, ONLY_BY_SQL]] as const
) {
  Deno.test(`doctor finds an issuer without roles, unless it is deactivated, over ${way}`, async () => {
    const { sql } = stage;
    await registerIssuer(sql, "o'dd one", { roles: [] });
    const diagnosis = await diagnose(env());
    assert.deepEqual(diagnosis.complaints.filter((it) => !it.includes("not checked")), [
      "issuers: problem",
    ]);
    assertSays(diagnosis, "issuers", /^o'dd one has no role/, /--issuer 'o'\\''dd one' --role/);
    await deactivateIssuer({ sql }, "o'dd one");
    assert.deepEqual((await diagnose(env())).complaints, not);
    await forget("o'dd one");
  });

  for (
    const [what, change, message] of [
      ["is gone", "drop role risky_writer", /^risky_writer does not exist: tokens of gambler/],
      ["has BYPASSRLS now", "alter role risky_writer bypassrls", /^risky_writer has BYPASSRLS: /],
      [
        "can't be assumed",
        "revoke risky_writer from authenticator",
        /is not granted to authenticator/,
      ],
    ] as const
  ) {
    Deno.test(`doctor finds a role that ${what}, over ${way}`, async () => {
      const { sql } = stage;
      await sql.unsafe("select countersign.create_writer_role('risky_writer')");
      await registerIssuer(sql, "gambler", { roles: ["notes_writer", "risky_writer"] });
      assert.deepEqual((await diagnose(env())).complaints, not);
      await sql.unsafe(change);
      const diagnosis = await diagnose(env());
      assert.deepEqual(diagnosis.complaints.filter((it) => !it.includes("not checked")), [
        "roles: problem",
      ]);
      if (way === "SQL") assertSays(diagnosis, "roles", message);
      else assertSays(diagnosis, "roles", /^risky_writer is unsafe or missing/, /--database-url/);
      await forget("gambler");
      await sql.unsafe("drop role if exists risky_writer");
    });
  }

  for (
    const [what, keys, complaints, message] of [
      ["ends soon", [[null, 3]], ["keys: warning"], /last key of aging expires on .* in 3 days/],
      ["ends soon, and another follows", [[null, 3], [2, null]], [], null],
      ["ends soon, and another has begun", [[null, 3], [null, null]], [], null],
      ["ends before the next begins", [[null, 3], [4, null]], ["keys: warning"], /in 3 days/],
      ["ends soon, and so does the next", [[null, 3], [2, 9]], ["keys: warning"], /in 9 days/],
      ["ends late", [[null, 30]], [], null],
      ["has ended", [[null, -1]], ["keys: problem"], /no key that verifies: its keys have expired/],
      ["is to begin", [[5, null]], ["keys: problem"], /the next one begins on/],
    ] as const
  ) {
    Deno.test(`doctor ${complaints.length > 0 ? "finds" : "accepts"} a key that ${what}, over ${way}`, async () => {
      for (const [begin, end] of keys) {
        await registerIssuer(stage.sql, "aging", {
          ...(begin !== null && { notBefore: now() + begin * DAY }),
          ...(end !== null && { notAfter: now() + end * DAY }),
        });
      }
      const diagnosis = await diagnose(env());
      assert.deepEqual(
        diagnosis.complaints.filter((it) => !it.includes("not checked")),
        complaints,
      );
      if (message !== null) {
        assertSays(diagnosis, "keys", message, /countersign (rotate|register) /);
      }
      await forget("aging");
    });
  }
}

Deno.test("doctor finds an issuer whose keys were revoked, and one that never had any", async () => {
  const { sql } = stage;
  const kid = await registerIssuer(sql, "left");
  await revokeKey({ sql }, kid);
  await sql`insert into public.jwt_issuers (issuer, allowed_roles) values ('early', '{notes_writer}')`;
  const diagnosis = await diagnose(stage.env);
  assert.deepEqual(diagnosis.complaints, ["keys: problem", "keys: problem"]);
  assertSays(
    diagnosis,
    "keys",
    /^left .*its keys were revoked/,
    /countersign deactivate --issuer left/,
  );
  assertSays(diagnosis, "keys", /^early .*none was registered/);
  await forget("left");
  await forget("early");
});

Deno.test("doctor warns of a role to which policies for users don't apply", async () => {
  const { sql } = stage;
  await sql.unsafe("create role lone_writer; grant lone_writer to authenticator");
  await registerIssuer(sql, "loner", { roles: ["lone_writer"] });
  const diagnosis = await diagnose(stage.env);
  assert.deepEqual(diagnosis.complaints, ["roles: warning"]);
  assertSays(
    diagnosis,
    "roles",
    /^lone_writer does not inherit/,
    /create_writer_role\('lone_writer'\)/,
  );
  await sql.unsafe("select countersign.create_writer_role('lone_writer')");
  assert.deepEqual((await diagnose(stage.env)).complaints, []);
  await forget("loner");
  await sql.unsafe("drop role lone_writer");
});

Deno.test("doctor warns of a table without row level security, by the advice that mends it", async () => {
  const { sql } = stage;
  await sql.unsafe(
    'create table public."Open House" (a int); grant select on public."Open House" to authenticated',
  );
  const diagnosis = await diagnose(stage.env);
  assert.deepEqual([diagnosis.code, diagnosis.complaints], [0, ["tables: warning"]]);
  assertSays(diagnosis, "tables", /^public\."Open House" .* open to notes_writer$/);
  const fix = diagnosis.findings.find(({ check }) => check === "tables")?.fix;
  await sql.unsafe(/^alter table .* enable row level security/.exec(fix ?? "")?.[0] ?? "");
  const closed = await diagnose(stage.env);
  assert.deepEqual(closed.complaints, ["policies: warning"]);
  assertSays(closed, "policies", /which has row level security and no policy/, /create policy/);
  await sql.unsafe('drop table public."Open House"');
});

Deno.test("doctor changes nothing", async () => {
  const { sql } = stage;
  const state = () =>
    sql`select v.version, (select count(*) from public.jwt_registry_audit) as log from public.jwt_registry_version v`;
  const before = await state();
  await diagnose({ ...stage.env, SUPABASE_SERVICE_ROLE_KEY: stage.target.serviceRoleKey });
  assert.deepEqual(await state(), before);
});
