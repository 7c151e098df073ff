import { until } from "@countersign/fixture";
import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { assertFailed, cli, cliJson, type World } from "../fixtures/cli.ts";
import { command } from "../fixtures/process.ts";

let local: LocalTarget;
let sql: postgres.Sql;
let folder: string;
let file: string;

Deno.test.beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "countersign-"));
  await mkdir(join(folder, "registry"));
  file = join(folder, "registry/countersign.toml");
  local = await startLocalTarget({
    function: false,
    sql: [
      "select countersign.create_writer_role('invoices_writer')",
      "select countersign.create_writer_role('invoices_reader')",
    ],
  });
  sql = postgres(local.databaseUrl, { max: 1, onnotice: () => {} });
});

Deno.test.afterAll(async () => {
  await sql.end();
  await local.stop();
  await rm(folder, { recursive: true });
});

/** The two ways in which a user reaches the registry. */
const WORLDS: Readonly<Record<string, () => World>> = {
  "REST": () => ({
    env: { SUPABASE_URL: local.url, SUPABASE_SERVICE_ROLE_KEY: local.serviceRoleKey },
    fetch,
  }),
  "SQL": () => ({ env: { COUNTERSIGN_ADMIN_DB_URL: local.databaseUrl } }),
};

async function keygen(issuer: string): Promise<{ path: string; kid: string }> {
  const made = await cliJson([
    "keygen",
    "--issuer",
    issuer,
    "--out",
    join(folder, "registry"),
    "--algorithm",
    "ES256",
  ]);
  const { kid } = Object(made);
  assert(typeof kid === "string");
  return { path: `${issuer}.pub`, kid };
}

for (const [way, world] of Object.entries(WORLDS)) {
  Deno.test(`a registry is kept in a file, over ${way}`, async () => {
    await sql`delete from public.jwt_issuers where true`;
    const run = (...args: string[]) => cli(args, world());
    const { path, kid } = await keygen(`billing-${crypto.randomUUID().slice(0, 8)}`);
    const text = `[issuers.billing]
allowed_roles = ["invoices_writer"]
max_token_lifetime = "2 minutes"

[[issuers.billing.keys]]
public_key_file = "${path}"
`;
    await writeFile(file, text);

    const planned = await run("plan", file);
    assert.deepEqual([planned.code, planned.stderr], [2, ""]);
    const version = /^Registry version: (\d+-[0-9a-f]{12})$/m.exec(planned.stdout)?.[1] ?? "";
    assert.equal(
      planned.stdout,
      `Issuer "billing"
+ issuer
+   allowed_roles: ["invoices_writer"]
+   max_token_lifetime: "2 minutes"
!   lets a new issuer use the role "invoices_writer"
+ key ${kid}
+   algorithm: "ES256"
!   lets one more key sign for the issuer

To add: 2, to change: 0, to deactivate: 0. Loosens the registry: 2 (!).
Registry version: ${version}
`,
    );
    assertFailed(
      await run("apply", file),
      1,
      /role "invoices_writer" \(and 1 more\).*loosening_refused/,
    );
    assertFailed(
      await run("apply", file, "--allow-loosen", "--expect-version", `${version}1`),
      1,
      /has changed since the plan.*\(conflict\)/,
    );
    const applied = await run("apply", file, "--allow-loosen", "--expect-version", version);
    assert.equal(applied.code, 0, applied.stderr);
    assert.match(applied.stdout, /^Issuer "billing"\n[^]*\nApplied\. Registry version: \S+\n$/);

    const empty = await run("plan", file);
    assert.equal(empty.code, 0);
    assert.match(empty.stdout, /^Nothing to change\.\nRegistry version: \S+\n$/);

    const exported = await run("export");
    assert.equal(exported.code, 0);
    assert.match(exported.stdout, /^#:schema https:\/\/\S+\/countersign\.schema\.json\n#/);
    assert.equal((await cli(["plan", "-"], { ...world(), stdin: exported.stdout })).code, 0);

    await writeFile(file, "");
    const left = await run("plan", file);
    assert.equal(left.code, 0);
    assert.match(left.stdout, /left alone \(--prune deactivates\):\n {2}issuer "billing"\n/);
    const pruned = await run("apply", file, "--prune");
    assert.equal(pruned.code, 0, pruned.stderr);
    assert.match(pruned.stdout, /^Issuer "billing"\n- issuer\n- {3}is_active: true -> false\n/);
  });

  Deno.test(`apply --sql prints a migration and changes nothing, over ${way}`, async () => {
    await sql`delete from public.jwt_issuers where true`;
    await writeFile(file, `[issuers.reports]\ndescription = "Nightly's"\n`);
    const printed = await cli(["apply", file, "--sql"], world());
    assert.deepEqual([printed.code, printed.stderr], [0, ""]);
    assert.match(printed.stdout, /^-- add issuer "reports"\nselect public\.jwt_apply_plan\('/);
    assert.equal((await cli(["plan", file], world())).code, 2);
    await sql.unsafe(printed.stdout);
    assert.equal((await cli(["plan", file], world())).code, 0);
    assert.deepEqual((await cli(["apply", file, "--sql"], world())).stdout, "");
    assertFailed(
      await cli(["apply", file, "--sql", "--expect-version", "1"], world()),
      2,
      /found both/,
    );
  });

  Deno.test(`a killed apply leaves all or nothing, over ${way}`, async () => {
    await sql`delete from public.jwt_issuers where true`;
    await sql`insert into public.jwt_issuers (issuer) values ('a'), ('b')`;
    const after = ["a", "b", "c"];
    await writeFile(
      file,
      after.map((name) => `[issuers.${name}]\ndescription = "after"\n`).join(""),
    );

    const other = postgres(local.databaseUrl, { max: 1, onnotice: () => {} });
    const applying = () =>
      sql`
      select from pg_stat_activity
      where query like '%jwt_apply_plan%' and state <> 'idle' and pid <> pg_backend_pid()`;
    await other.begin(async (transaction) => {
      await transaction`select from public.jwt_issuers where issuer = 'b' for update`;
      await using child = command(["apply", file], { env: { ...world().env } }).spawn();
      await until("the apply waits for the second row", async () => {
        const waiting = await sql`select from pg_stat_activity
          where query like '%jwt_apply_plan%' and wait_event_type = 'Lock'`;
        return waiting.length > 0;
      }, 30_000);
      child.kill("SIGKILL");
      assert.equal((await child.status).success, false);
    });
    await other.end();
    await until("its session has ended", async () => (await applying()).length === 0, 30_000);

    const rows =
      await sql`select issuer from public.jwt_issuers where description = 'after' order by issuer`;
    const found = rows.map(({ issuer }) => issuer);
    // PostgREST goes on without its client; a session of the client's own ends with it.
    assert.deepEqual(found, way === "REST" ? after : []);
    assert.equal((await cli(["apply", file], world())).code, 0);
    assert.equal((await cli(["plan", file], world())).code, 0);
  });
}

Deno.test("plan, apply and export print JSON", async () => {
  const world = WORLDS["SQL"]?.() ?? {};
  await sql`delete from public.jwt_issuers where true`;
  await writeFile(
    file,
    '[guard]\nenabled = true\n[issuers.a]\ndescription = "a\\u202Eb"\n',
  );
  const planned = await cli(["plan", file, "--json"], world);
  assert.equal(planned.code, 2);
  const plan = JSON.parse(planned.stdout);
  assert.deepEqual(plan.changes, [
    {
      action: "add",
      kind: "issuer",
      issuer: "a",
      kid: null,
      name: null,
      fields: [{ column: "description", before: null, after: "a\u202eb" }],
      loosens: [],
    },
    {
      action: "change",
      kind: "guard",
      issuer: null,
      kid: null,
      name: null,
      fields: [{ column: "enabled", before: false, after: true }],
      loosens: [],
    },
  ]);
  // A terminal is shown what is there, not what it would make of it.
  assert.match((await cli(["plan", file], world)).stdout, /\n\+ {3}description: "a\\u\{202e\}b"\n/);

  const applied = Object(await cliJson(["apply", file], world));
  assert.deepEqual(applied.plan, plan);
  assert.deepEqual(await cliJson(["export"], world), {
    guard: { enabled: true },
    issuers: { a: { description: "a\u202eb", keys: [] } },
    providers: {},
    rules: {},
  });
  await sql`select countersign.guard_disable()`;
});

Deno.test("plan and apply report every problem of a file, with its place", async () => {
  const world = WORLDS["SQL"]?.() ?? {};
  await writeFile(file, "[issuers.a]\nroles = []\nis_active = 1\n");
  for (const name of ["plan", "apply"]) {
    const { code, stdout, stderr } = await cli([name, file], world);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.equal(
      stderr,
      `error: Line 2, column 1: Unknown member "roles"; did you mean "allowed_roles"? (and 1 more) (invalid_declaration)
  line 2, column 1: Unknown member "roles"; did you mean "allowed_roles"?
  line 3, column 1: Expected true or false, without quotes, for is_active
`,
    );
  }
  const { error } = JSON.parse((await cli(["plan", file, "--json"], world)).stderr);
  assert.equal(error.code, "invalid_declaration");
  assert.deepEqual(error.problems.map(({ line }: { line: number }) => line), [2, 3]);
});

for (
  const [what, path, bytes, message] of [
    ["a file that is not there", "missing.toml", undefined, /missing\.toml": no such file/],
    ["a folder", ".", undefined, /it is a directory/],
    ["a file that is not UTF-8", "latin1.toml", [0x23, 0xe4], /it is not UTF-8/],
    [
      "a private key in place of a public one",
      "private.toml",
      undefined,
      /found a private key|private key/,
    ],
    ["a key outside its folder", "outside.toml", undefined, /inside the folder/],
  ] as const
) {
  Deno.test(`plan exits with 1 for ${what}`, async () => {
    const target = join(folder, "registry", path);
    if (bytes !== undefined) await writeFile(target, new Uint8Array(bytes));
    if (path === "private.toml") {
      await keygen("own");
      await writeFile(target, '[[issuers.a.keys]]\npublic_key_file = "own.key"\n');
    }
    if (path === "outside.toml") {
      await writeFile(join(folder, "secret.pub"), await readFile(join(folder, "registry/own.pub")));
      await writeFile(target, '[[issuers.a.keys]]\npublic_key_file = "../secret.pub"\n');
    }
    const outcome = await cli(["plan", target], WORLDS["SQL"]?.() ?? {});
    assertFailed(outcome, 1, message);
    assert.doesNotMatch(outcome.stderr, /MI[A-Za-z0-9+/]{20}/);
  });
}

Deno.test("plan exits with 1 when it is called wrongly: 2 says that something would change", async () => {
  for (
    const args of [["plan"], ["plan", "a", "b"], ["plan", "a", "--frob"], ["plan", "/dev/null"]]
  ) {
    const { code, stderr } = await cli(args);
    assert.equal(code, 1, args.join(" "));
    assert.match(stderr, /\(usage\)\n$/);
  }
  assert.equal((await cli(["apply"])).code, 2);
});
