import { makeProvider, thumbprintOf } from "@countersign/fixture/federation";
import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import {
  addProvider,
  addRule,
  deactivateProvider,
  deactivateRule,
  revokeProviderKey,
} from "@countersign/registry-admin";
import assert from "node:assert/strict";
import postgres from "postgres";
import { cli, cliJson, type World } from "../fixtures/cli.ts";

const PROVIDER = "https://ci.example.com";
const AUDIENCE = "https://prod-abc123.supabase.co";
const provider = await makeProvider(PROVIDER, {
  claims: { aud: AUDIENCE, repository_id: "74", ref: "refs/heads/main", actor: "octocat" },
});

let local: LocalTarget;
let sql: postgres.Sql;

Deno.test.beforeAll(async () => {
  local = await startLocalTarget({
    function: false,
    sql: ["select countersign.create_writer_role('notes_writer')"],
  });
  sql = postgres(local.databaseUrl, { max: 1, onnotice: () => {} });
});
Deno.test.afterAll(async () => {
  await sql.end();
  await local.stop();
});
Deno.test.beforeEach(async () => {
  await sql`delete from jwt_oidc_providers where true`;
  await sql`delete from jwt_issuers where true`;
  const jwks = { keys: [provider.jwk] };
  await addProvider({ sql }, { issuer: PROVIDER, keysFrom: "jwks", jwks });
  await addRule({ sql }, {
    name: "deploy",
    provider: PROVIDER,
    issuer: "deployer",
    audiences: [AUDIENCE],
    conditions: { repository_id: "74", ref: "refs/heads/*" },
    subject: "ci:{repository_id}",
  }, { newIssuer: { roles: ["notes_writer"], defaultRole: "notes_writer" } });
});

const world = (): World => ({
  env: { SUPABASE_URL: local.url, COUNTERSIGN_ADMIN_DB_URL: local.databaseUrl },
  fetch: () => Promise.reject(new TypeError("no function answers")),
});
const explain = (token: string, ...args: string[]) => cli(["explain", token, ...args], world());

Deno.test("explain shows the rules of a provider's token condition by condition", async () => {
  const { code, stdout, stderr } = await explain(provider.forge.token());
  assert.equal(code, 0, stdout + stderr);
  assert.match(
    stdout,
    /^policy +ok\ndeploy \(acts as deployer\): matches\n {2}✓ aud +wanted \["https:\/\/prod[^\n]*\n {2}✓ ref +wanted "refs\/heads\/\*" +found "refs\/heads\/main"\n {2}✓ repository_id +wanted "74" +found "74"\n/m,
  );
  assert.match(stdout, /with the role notes_writer, under the rule deploy\n/);
  const json = Object(await cliJson(["explain", provider.forge.token()], world()));
  assert.deepEqual([json.rule, json.rules[0].conditions[0].claim], ["deploy", "ref"]);
});

Deno.test("explain says which condition a provider's token misses, and shows no other claim", async () => {
  const token = provider.forge.token({ claims: { ref: "refs/heads/a/b", secret: "s3cr3t" } });
  const { code, stdout } = await explain(token);
  assert.equal(code, 1);
  assert.match(stdout, /policy +FAILED +No active rule/);
  assert.match(stdout, /✗ ref +wanted "refs\/heads\/\*" +found "refs\/heads\/a\/b"\n/);
  assert.match(stdout, /rejected: rule_not_matched\n$/);
  assert(!/s3cr3t|octocat/.test(stdout), stdout);
  assert(!stdout.includes(token.split(".")[1] ?? "?"));
});

const kid = thumbprintOf(provider.jwk);
for (
  const [why, change, claims, said] of [
    [
      "for another audience",
      undefined,
      { aud: "other" },
      /audience +FAILED[^]*token: +aud "other"\n +registry: one of \["https:\/\/prod[^\n]* by rule deploy\n[^]*wrong_audience\n$/,
    ],
    [
      "that has expired",
      undefined,
      { iat: 1_600_000_000, exp: 1_600_000_060 },
      /times +FAILED[^]*at most 3600s from iat to exp by rule deploy\n[^]*rejected: expired\n$/,
    ],
    [
      "of a provider that is not active",
      () => deactivateProvider({ sql }, PROVIDER),
      {},
      /issuer +FAILED[^]*registry: provider https:\/\/ci\.example\.com, deactivated\n/,
    ],
    [
      "of a rule that is not active",
      () => deactivateRule({ sql }, "deploy"),
      {},
      /deploy \(acts as deployer, deactivated\): matches\n[^]*rule_not_matched\n$/,
    ],
    [
      "of a key that is revoked",
      () => revokeProviderKey({ sql }, { provider: PROVIDER, kid }),
      {},
      /key +FAILED[^]*registry: keys in the registry, algorithms RS256, \S+ revoked\n[^]*revoked_key\n$/,
    ],
  ] as const
) {
  Deno.test(`explain says why a provider's token is rejected ${why}`, async () => {
    await change?.();
    const { code, stdout } = await explain(provider.forge.token({ claims }));
    assert.equal(code, 1);
    assert.match(stdout, said);
  });
}

Deno.test("explain --rule holds a token to one of several rules", async () => {
  await addRule({ sql }, {
    name: "again",
    provider: PROVIDER,
    issuer: "deployer",
    audiences: [AUDIENCE],
    conditions: { repository_id: "74" },
    subject: "again:{repository_id}",
  });
  const token = provider.forge.token();
  assert.match((await explain(token)).stdout, /rejected: ambiguous_rule\n$/);
  assert.match((await explain(token, "--rule", "again")).stdout, /under the rule again\n/);
  assert.match((await explain(token, "--rule", "none")).stdout, /rejected: rule_not_matched\n$/);
});
