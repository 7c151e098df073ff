import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import assert from "node:assert/strict";
import { join } from "node:path";
import postgres from "postgres";
import { assertFailed, cli, cliJson, type World } from "../../fixtures/cli.ts";

let local: LocalTarget;
let sql: postgres.Sql;
let folder: string;

Deno.test.beforeAll(async () => {
  folder = await Deno.makeTempDir();
  local = await startLocalTarget({
    function: false,
    sql: ["select countersign.create_writer_role('notes_writer')"],
  });
  sql = postgres(local.databaseUrl, { max: 1, onnotice: () => {} });
  for (const name of ["billing", "next"]) {
    await cli(["keygen", "--issuer", name, "--out", folder, "--algorithm", "ES256"]);
  }
  await cli(["register", "--issuer", "billing", "--public-key", join(folder, "billing.pub")], {
    env: { COUNTERSIGN_ADMIN_DB_URL: local.databaseUrl },
  });
});

Deno.test.afterAll(async () => {
  await sql.end();
  await local.stop();
  await Deno.remove(folder, { recursive: true });
});

const WORLDS: Readonly<Record<string, () => World>> = {
  REST: () => ({
    env: { SUPABASE_URL: local.url, SUPABASE_SERVICE_ROLE_KEY: local.serviceRoleKey },
    fetch,
  }),
  SQL: () => ({ env: { COUNTERSIGN_ADMIN_DB_URL: local.databaseUrl } }),
};

/** Everything that a command could change. */
async function state(): Promise<string> {
  const [found] = await sql`
    select (select jsonb_agg(i order by i.issuer) from public.jwt_issuers i) as issuers,
      (select jsonb_agg(k order by k.kid) from public.jwt_public_keys k) as keys,
      (select count(*) from public.jwt_registry_audit) as log,
      (select count(*) from public.jwt_seal_keys) as seals,
      (select jsonb_agg(s.setconfig) from pg_db_role_setting s) as settings`;
  const files = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  return JSON.stringify([found, files.sort()]);
}

const kid = async () =>
  (await sql`select kid from public.jwt_public_keys where issuer = 'billing'`)[0]?.kid;

type Case = readonly [args: () => readonly string[] | Promise<readonly string[]>, said: RegExp];

const CHANGES: readonly Case[] = [
  [
    () => [
      "register",
      "--issuer",
      "next",
      "--public-key",
      join(folder, "next.pub"),
      "--role",
      "notes_writer",
    ],
    /^would add issuer next\n[^]*allowed_roles: \["notes_writer"\]\n[^]*would add key /,
  ],
  [
    () => [
      "policy",
      "set",
      "--issuer",
      "billing",
      "--role",
      "notes_writer",
      "--max-lifetime",
      "2m",
    ],
    /^would change issuer billing\n {2}allowed_roles: \[\] → \["notes_writer"\]\n/,
  ],
  [
    () => ["rotate", "--issuer", "billing", "--public-key", join(folder, "next.pub")],
    /^would add key [\w-]{43} of billing\n[^]*would change key [\w-]{43} of billing\n {2}not_after: null → /,
  ],
  [async () => ["revoke", "--kid", await kid()], /is_active: true → false/],
  [
    () => ["deactivate", "--issuer", "billing"],
    /^would change issuer billing\n {2}is_active: true → false\n$/,
  ],
  [() => ["activate", "--issuer", "billing"], /^would change nothing\n$/],
  [async () => ["activate", "--kid", await kid()], /^would change nothing\n$/],
];

const BY_SQL: readonly Case[] = [
  [() => ["guard", "enable"], /^would change it to:\nguard on/],
  [() => ["guard", "disable"], /^would change nothing\nguard off/],
  [
    () => ["guard", "rotate-seal"],
    /^would make a new key, and accept the older ones for 3600 s\n$/,
  ],
];

for (const [way, world] of Object.entries(WORLDS)) {
  for (const [args, said] of way === "SQL" ? [...CHANGES, ...BY_SQL] : CHANGES) {
    const name = args.toString().match(/(?<=")[a-z-]+(?=",|"\])/g)?.slice(0, 2).join(" ");
    Deno.test(`${name} --dry-run says what it would do, and does nothing, over ${way}`, async () => {
      const before = await state();
      const { code, stdout, stderr } = await cli([...await args(), "--dry-run"], world());
      assert.deepEqual([code, stderr], [0, ""]);
      assert.match(stdout, said);
      const json = await cliJson([...await args(), "--dry-run"], world());
      assert.equal(Reflect.get(Object(json), "dryRun"), true);
      assert.equal(await state(), before);
    });
  }
}

Deno.test("keygen --dry-run writes no file, and sees one that is there", async () => {
  const before = await state();
  const free = await cli(["keygen", "--issuer", "other", "--out", folder, "--dry-run"]);
  assert.match(free.stdout, /^would write \S+other\.key and \S+other\.pub\n$/);
  const taken = await cli(["keygen", "--issuer", "billing", "--out", folder, "--dry-run"]);
  assertFailed(taken, 1, /Expected no file/);
  assert.equal(await state(), before);
});

Deno.test("--dry-run refuses a role that the database would refuse, where it can ask", async () => {
  const args = ["policy", "set", "--issuer", "billing", "--role", "service_role", "--dry-run"];
  assertFailed(
    await cli(args, WORLDS.SQL?.()),
    1,
    /Role "service_role" cannot be given .*\(role_not_allowed\)/,
  );
});

Deno.test("--reason is kept in the audit log", async () => {
  for (const [way, world] of Object.entries(WORLDS)) {
    const reason = `ticket ${way} – größer`;
    await cli(["deactivate", "--issuer", "billing", "--reason", reason], world());
    const { stdout } = await cli(["audit", "--issuer", "billing", "--limit", "1"], world());
    assert(stdout.includes(reason), stdout);
    await cli(["activate", "--issuer", "billing"], world());
  }
  const bad = await cli(["deactivate", "--issuer", "billing", "--reason", "a\nb"], WORLDS.SQL?.());
  assertFailed(bad, 2, /Expected reason to be 1 to 500 visible characters/);
});
