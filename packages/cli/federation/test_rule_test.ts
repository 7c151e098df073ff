import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import assert from "node:assert/strict";
import { join } from "node:path";
import postgres from "postgres";
import { cli, cliJson, type World } from "../fixtures/cli.ts";

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
});
Deno.test.afterAll(async () => {
  await sql.end();
  await local.stop();
  await Deno.remove(folder, { recursive: true });
});
Deno.test.afterEach(async () => {
  await sql`delete from jwt_oidc_providers where true`;
  await sql`delete from jwt_issuers where true`;
});

const WORLDS: Readonly<Record<string, () => World>> = {
  REST: () => ({
    env: { SUPABASE_URL: local.url, SUPABASE_SERVICE_ROLE_KEY: local.serviceRoleKey },
    fetch,
  }),
  SQL: () => ({ env: { COUNTERSIGN_ADMIN_DB_URL: local.databaseUrl } }),
};

const GITHUB = "https://token.actions.githubusercontent.com";
const AUDIENCE = "https://prod-abc123.supabase.co";
const RULE = [
  ...["rule", "add", "--name", "deploy", "--issuer", "deployer", "--audience", AUDIENCE],
  ...["--new-issuer", "--role", "notes_writer", "--preset", "github"],
];
const IDS = ["--repository-id", "74", "--repository-owner-id", "65"];
const CLAIMS = {
  iss: GITHUB,
  aud: AUDIENCE,
  repository: "acme/invoices",
  repository_id: "74",
  repository_owner_id: "65",
  environment: "prod",
  actor: "octocat",
};

async function claimsFile(claims: unknown): Promise<string> {
  const path = join(folder, `${crypto.randomUUID()}.json`);
  await Deno.writeTextFile(path, JSON.stringify(claims));
  return path;
}

for (const [way, world] of Object.entries(WORLDS)) {
  const run = (...args: string[]) => cli(args, world());

  Deno.test(`rule test says which of several rules matches, over ${way}`, async () => {
    await run("provider", "add", "--preset", "github");
    await run(...RULE, ...IDS);
    await run(
      ...RULE.filter((word) => word !== "--new-issuer").map((word) =>
        word === "deploy" ? "again" : word
      ),
      ...IDS,
    );
    const claims = await claimsFile(CLAIMS);
    const both = await run("rule", "test", "--claims", claims);
    assert.equal(both.code, 1);
    assert.match(both.stdout, /rejected: ambiguous_rule: several rules match \(again, deploy\)/);
    const json = await cliJson(["rule", "test", "--claims", claims, "--name", "deploy"], world());
    assert.equal(Reflect.get(Object(json), "rule"), "deploy");
  });

  Deno.test(`rule test prints the subject and the claims that result, over ${way}`, async () => {
    await run("provider", "add", "--preset", "github");
    await run(...RULE, ...IDS, "--environment", "prod", "--claim", "repo=repository");
    const hostile = await run(
      "rule",
      "test",
      "--claims",
      await claimsFile({ ...CLAIMS, repository: "acme\u001b[2J" }),
    );
    assert.match(hostile.stdout, /repo .*"acme\\u001b\[2J"\n$/);
    const { stdout } = await run("rule", "test", "--claims", await claimsFile(CLAIMS));
    assert.ok(
      stdout.endsWith(`acts under deploy
  iss   "deployer"
  sub   "gh:74:prod"
  aud   ["${AUDIENCE}"]
  role  "notes_writer"
  repo  "acme/invoices"
`),
      stdout,
    );
    const claims = await claimsFile({ ...CLAIMS, role: "service_role", exp: 1 });
    assert.deepEqual(
      Reflect.get(Object(await cliJson(["rule", "test", "--claims", claims], world())), "claims"),
      {
        iss: "deployer",
        sub: "gh:74:prod",
        aud: [AUDIENCE],
        role: "notes_writer",
        repo: "acme/invoices",
      },
    );
  });

  Deno.test(`rule test rejects claims that the subject cannot be made from, over ${way}`, async () => {
    await run("provider", "add", "--preset", "github");
    await run(...RULE, ...IDS, "--subject", "gh:{ref}:{repository_id}");
    const claims = await claimsFile({ ...CLAIMS, ref: "refs/heads/a:b" });
    const { code, stdout } = await run("rule", "test", "--claims", claims);
    assert.equal(code, 1);
    assert.match(
      stdout,
      /rejected: subject_not_allowed: Expected a claim of the rule's subject not to hold the ":" that follows it \(ref\)\n$/,
    );
    const twin = await claimsFile({ ...CLAIMS, ref: "refs/heads/a" });
    assert.match(
      (await run("rule", "test", "--claims", twin)).stdout,
      /sub +"gh:refs\/heads\/a:74"/,
    );
  });
}
