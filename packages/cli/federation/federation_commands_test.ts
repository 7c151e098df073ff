import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import assert from "node:assert/strict";
import { join } from "node:path";
import postgres from "postgres";
import { assertFailed, cli, type World } from "../fixtures/cli.ts";

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

  Deno.test(`a provider and a rule are added, listed, tested, deactivated and activated, over ${way}`, async () => {
    assert.match((await run("provider", "list")).stdout, /^no providers on /);
    assert.match(
      (await run("provider", "add", "--preset", "github")).stdout,
      new RegExp(`^added ${GITHUB} to .*: it lets no one in until a rule names it\n$`),
    );
    assert.match((await run("rule", "list")).stdout, /^no rules on /);
    const added = await run(...RULE, ...IDS, "--environment", "prod", "--repository", "acme/x");
    assert.equal(added.stderr, "");
    assert.match(
      added.stdout,
      /act as deployer if\n {2}aud is \["https:\/\/prod-abc123\.supabase\.co"\]\n[^]*repository_id is "74"\n[^]*sub becomes gh:\{repository_id\}:\{environment\}\n$/,
    );
    const [issuer] = await sql`select allowed_roles, default_role from jwt_issuers`;
    assert.deepEqual({ ...issuer }, {
      allowed_roles: ["notes_writer"],
      default_role: "notes_writer",
    });
    const [rule] = await sql`select conditions, description, role from jwt_federation_rules`;
    assert.deepEqual({ ...rule }, {
      conditions: { repository_id: "74", repository_owner_id: "65", environment: "prod" },
      description: "acme/x",
      role: "notes_writer",
    });
    assert.match(
      (await run("rule", "list")).stdout,
      /\ndeploy +active +https:\S+ +deployer +\S*environment=prod/,
    );

    const good = await run("rule", "test", "--claims", await claimsFile(CLAIMS));
    assert.equal(good.code, 0, good.stderr);
    assert.match(
      good.stdout,
      /^deploy \(acts as deployer\): matches\n {2}✓ aud +wanted \["https:[^\n]*\n[^]* {2}✓ repository_id +wanted "74" +found "74"\n[^]*acts under deploy\n {2}iss +"deployer"\n {2}sub +"gh:74:prod"\n[^]*$/,
    );
    const near = await run(
      "rule",
      "test",
      "--claims",
      await claimsFile({ ...CLAIMS, repository_id: 74 }),
    );
    assert.equal(near.code, 1);
    assert.match(
      near.stdout,
      /✗ repository_id +wanted "74" +found 74\n[^]*rejected: rule_not_matched: no rule matches\n$/,
    );
    // Values only of claims that the rule names.
    assert(!near.stdout.includes("octocat"), near.stdout);

    assert.match(
      (await run("rule", "deactivate", "--name", "deploy")).stdout,
      /^deactivated rule deploy /,
    );
    const off = await run("rule", "test", "--claims", await claimsFile(CLAIMS));
    assert.equal(off.code, 1);
    assert.match(
      off.stdout,
      /deploy \(acts as deployer, deactivated\): matches\n[^]*is not active, or only observes\n$/,
    );
    assert.match(
      (await run("rule", "activate", "--name", "deploy")).stdout,
      /^activated rule deploy /,
    );

    assert.match(
      (await run("provider", "deactivate", "--issuer", GITHUB)).stdout,
      /every token of it is rejected\n$/,
    );
    assert.match((await run("provider", "list")).stdout, /deactivated +discovery +RS256 +0\n/);
    assert.equal((await run("rule", "test", "--claims", await claimsFile(CLAIMS))).code, 1);
    assert.match(
      (await run("provider", "activate", "--issuer", GITHUB)).stdout,
      /its rules apply again\n$/,
    );
    const kid = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
    for (const name of ["revoke-key", "restore-key"]) {
      assert.equal((await run("provider", name, "--issuer", GITHUB, "--kid", kid)).code, 0);
    }
  });

  Deno.test(`dry runs of providers and rules change nothing, over ${way}`, async () => {
    const dry = async (...args: string[]) => (await run(...args, "--dry-run")).stdout;
    assert.match(
      await dry("provider", "add", "--preset", "gitlab"),
      /^would add provider https:\/\/gitlab\.com\n/,
    );
    assert.equal((await sql`select from jwt_oidc_providers`).length, 0);
    await run("provider", "add", "--preset", "github");
    assert.match(
      await dry(...RULE, ...IDS, "--environment", "prod"),
      /^would add issuer deployer\n[^]*would add rule deploy of issuer deployer\n[^]* {2}conditions: \{"repository_id":"74"/,
    );
    assert.equal((await sql`select from jwt_issuers`).length, 0);
    assert.match(
      await dry("provider", "deactivate", "--issuer", GITHUB),
      new RegExp(`^would change provider ${GITHUB}\n {2}is_active: true → false\n$`),
    );
    const [provider] = await sql`select is_active from jwt_oidc_providers`;
    assert.equal(provider?.is_active, true);
  });

  Deno.test(`what the registry refuses of a rule is said, over ${way}`, async () => {
    const rule = (...more: string[]) =>
      run(
        "rule",
        "add",
        "--name",
        "r",
        "--issuer",
        "i",
        "--audience",
        "x",
        "--subject",
        "s",
        ...more,
      );
    assertFailed(
      await rule("--provider", GITHUB, "--condition", "a=b"),
      1,
      /found no "https:\/\/token/,
    );
    await run("provider", "add", "--preset", "github");
    assertFailed(await rule("--provider", GITHUB, "--condition", "a=b"), 1, /found no "i"/);
    await sql`insert into jwt_issuers (issuer) values ('i')`;
    assertFailed(
      await rule("--provider", GITHUB, "--condition", "ref=refs/heads/main"),
      2,
      /names no owner/,
    );
    assertFailed(
      await rule("--provider", GITHUB, "--condition", "repository=acme**"),
      2,
      /names no owner/,
    );
    const added = await rule(
      ...["--provider", GITHUB, "--condition", "repository=acme/*", "--condition", "ref=a"],
      ...["--condition", "ref=b*", "--condition", "run_attempt:=1", "--claim", "repo=repository"],
    );
    assert.equal(added.code, 0, added.stderr);
    const [row] = await sql`select conditions, claims from jwt_federation_rules`;
    assert.deepEqual({ ...row }, {
      conditions: { repository: "acme/*", ref: ["a", "b*"], run_attempt: 1 },
      claims: { repo: "repository" },
    });
  });
}

Deno.test("rule add warns of a rule that nothing narrows", async () => {
  const world = WORLDS["SQL"]?.() ?? {};
  await cli(["provider", "add", "--preset", "github"], world);
  const { stderr, code } = await cli([...RULE, ...IDS], world);
  assert.equal(code, 0);
  assert.match(
    stderr,
    /^warning: The rule lets in every workflow of the repository, on every branch; narrow it with --environment or --ref\n$/,
  );
});

Deno.test("rule add takes the target's URL as audience over REST, and asks for one over SQL", async () => {
  const args = RULE.filter((word) => word !== "--audience" && word !== AUDIENCE);
  assertFailed(await cli([...args, ...IDS], WORLDS["SQL"]?.()), 2, /Expected --audience/);
  const world = WORLDS["REST"]?.();
  await cli(["provider", "add", "--preset", "github"], world);
  await cli([...args, ...IDS, "--ref", "refs/heads/main"], world);
  const [rule] = await sql`select audiences from jwt_federation_rules`;
  assert.deepEqual(rule?.audiences, [new URL(local.url).origin]);
});

for (
  const [what, args, message] of [
    [
      "a name without ids",
      [...RULE, "--repository", "acme/x"],
      /--repository alone is not enough: anyone who registers a name .*Expected --repository-id \(gh api .*\) and --repository-owner-id/,
    ],
    [
      "one id of two",
      [...RULE, "--repository-id", "74"],
      /^error: Expected --repository-owner-id \(gh api/,
    ],
    [
      "another preset's flag",
      [...RULE, ...IDS, "--project-id", "1"],
      /--project-id is not for --preset github/,
    ],
    ["a preset's flag without the preset", [
      "rule",
      "add",
      "--name",
      "a",
      "--issuer",
      "b",
      "--ref",
      "c",
    ], /Expected --preset with --ref/],
    [
      "no condition",
      ["rule", "add", "--name", "a", "--issuer", "b"],
      /--condition <claim=value> at least once/,
    ],
    ["a condition without a value", [
      "rule",
      "add",
      "--name",
      "a",
      "--issuer",
      "b",
      "--condition",
      "a",
    ], /--condition to be <claim>=<value>/],
    ["a condition that is no number", [
      "rule",
      "add",
      "--name",
      "a",
      "--issuer",
      "b",
      "--condition",
      "a:=b",
    ], /Expected a number, true or false/],
    [
      "no provider",
      ["rule", "add", "--name", "a", "--issuer", "b", "--condition", "a=b"],
      /--provider or --preset/,
    ],
    ["a preset without its provider", [
      "rule",
      "add",
      "--name",
      "a",
      "--issuer",
      "b",
      "--preset",
      "kubernetes",
      "--namespace",
      "n",
      "--service-account",
      "s",
    ], /kubectl get --raw/],
    ["no subject", [
      "rule",
      "add",
      "--name",
      "a",
      "--issuer",
      "b",
      "--condition",
      "a=b",
      "--provider",
      "https://a.io",
    ], /--subject or --preset/],
    [
      "a new issuer without a role",
      ["rule", "add", "--name", "a", "--issuer", "b", "--new-issuer"],
      /--role with --new-issuer/,
    ],
    ["a claim without a source", [
      "rule",
      "add",
      "--name",
      "a",
      "--issuer",
      "b",
      "--condition",
      "a=b",
      "--provider",
      "https://a.io",
      "--subject",
      "s",
      "--claim",
      "x",
    ], /--claim to be <name>=/],
    [
      "an unknown preset",
      ["rule", "add", "--name", "a", "--issuer", "b", "--preset", "x"],
      /Allowed choices are github, gitlab/,
    ],
    ["neither issuer nor preset", ["provider", "add"], /--issuer <url> or --preset/],
    ["two sources of keys", [
      "provider",
      "add",
      "--issuer",
      "https://a.io",
      "--jwks-uri",
      "https://a.io",
      "--jwks",
      "-",
    ], /found both/],
    [
      "HMAC",
      ["provider", "add", "--issuer", "https://a.io", "--algorithm", "HS256"],
      /--algorithm to be one of RS256/,
    ],
  ] as const
) {
  Deno.test(`provider and rule refuse ${what}`, async () => {
    assertFailed(
      await cli(args, { env: { COUNTERSIGN_ADMIN_DB_URL: "postgres://h/d" } }),
      2,
      message,
    );
  });
}
