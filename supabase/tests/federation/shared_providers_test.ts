import assert from "node:assert/strict";
import { addProvider, addRule, federate } from "../fixtures/federation.ts";
import { refusal, RegistryDatabase } from "../fixtures/registry_database.ts";

let registry: RegistryDatabase;
Deno.test.beforeAll(async () => {
  registry = await RegistryDatabase.start();
});
Deno.test.afterAll(() => registry.stop());

// A rule for a provider that the world shares: [provider, names no owner, its twin].
const GITHUB = "https://token.actions.githubusercontent.com";
const AWS = "https://0f7c9a1e-6a1f-4b0e-9a53-3f0d9a3f5d11.tokens.sts.global.api.aws";
const OWNERS: readonly (readonly [string, object, object])[] = [
  [GITHUB, { environment: "prod" }, { environment: "prod", repository_id: "74" }],
  [GITHUB, { ref: "refs/heads/main" }, { repository_owner_id: "1", ref: "refs/heads/main" }],
  [GITHUB, { actor: "octocat" }, { repository_owner: "octocat" }],
  [GITHUB, { job_workflow_ref: "acme/ci/.github/workflows/x.yml@refs/heads/main" }, {
    repository: "acme/ci",
  }],
  [GITHUB, { repository: "acme*" }, { repository: "acme/*" }],
  [GITHUB, { repository: "acme**" }, { repository: "acme/**" }],
  [GITHUB, { repository: ["acme/ci", "a*"] }, { repository: ["acme/ci", "acme/a*"] }],
  [GITHUB, { repository_owner: "acme*" }, { repository_owner: "acme" }],
  [GITHUB, { repository_id: "7*" }, { repository_id: ["7", "74"] }],
  [GITHUB, { repository_id: true }, { repository_id: 74 }],
  [GITHUB, { "/x/repository_id": "74" }, { repository_id: "74" }],
  [GITHUB, { sub: "repo:*" }, { sub: "repo:acme/*" }],
  // An organization chooses what its tokens' sub is made of, so any owner can have this one.
  [GITHUB, { sub: "environment:prod" }, { sub: "repo:acme/ci:environment:prod" }],
  [`${GITHUB}/acme`, { environment: "prod" }, { enterprise_id: "9" }],
  [`${GITHUB}:8443`, { environment: "prod" }, { repository_id: "9" }],
  ["https://gitlab.com", { ref: "main" }, { project_id: "3", ref: "main" }],
  ["https://gitlab.com", { user_login: "me" }, { namespace_id: "8" }],
  ["https://gitlab.com", { project_path: "gro*" }, { project_path: "group/**" }],
  ["https://gitlab.com", { sub: "project_path:gr*" }, { sub: "project_path:group/*" }],
  ["https://accounts.google.com", { email_verified: true }, {
    email: "ci@acme.iam.gserviceaccount.com",
  }],
  ["https://accounts.google.com", { azp: "32555940559.apps.googleusercontent.com" }, {
    sub: "103456789012345678901",
  }],
  [AWS, { sub: "arn:aws:iam::*" }, { sub: "arn:aws:iam::123456789012:role/*" }],
  [AWS, { aws_account: "123456789012" }, {
    "/https:~1~1sts.amazonaws.com~1/aws_account": "123456789012",
  }],
  ["https://oidc.fly.io/acme", { app_name: "web" }, { app_id: "42" }],
  ["https://oidc.circleci.com/org/1", { sub: "org/*" }, { "oidc.circleci.com/project-id": "2" }],
  ["https://agent.buildkite.com", { pipeline_slug: "web" }, { organization_id: "2" }],
  ["https://app.terraform.io", { terraform_run_phase: "apply" }, {
    terraform_workspace_id: "ws-2",
  }],
  ["https://oidc.vercel.com", { environment: "production" }, { project_id: "prj_2" }],
  ["https://oidc.vercel.com/acme", { environment: "production" }, { owner_id: "team_2" }],
  ["https://api.bitbucket.org/2.0/workspaces/a/pipelines-config/identity/oidc", {
    branchName: "main",
  }, { repositoryUuid: "{2}" }],
];
for (const [issuer, hostile, twin] of OWNERS) {
  Deno.test(`jwt_federation_rules refuses ${JSON.stringify(hostile)} for ${issuer}: no owner`, async () => {
    const write = (conditions: object) =>
      registry.undone(async (sql) => {
        await federate(sql);
        await addProvider(sql, issuer);
        await addRule(sql, { name: "shared", provider: issuer, conditions });
      });
    await assert.rejects(write(hostile), refusal("23514", /names no owner/));
    await write(twin);
  });
}

Deno.test("jwt_federation_rules takes any condition for a provider of one's own, look-alike hosts included", async () => {
  for (
    const issuer of [
      "https://gitlab.example.com",
      "https://gitlab.com.example.com",
      "https://my-gitlab.com",
      "https://tokens.sts.global.api.aws.example.com",
    ]
  ) {
    await registry.undone(async (sql) => {
      await federate(sql);
      await addProvider(sql, issuer);
      await addRule(sql, { name: "own", provider: issuer, conditions: { ref: "main" } });
    });
  }
});

Deno.test("jwt_federation_rules asks for an owner again when conditions change or the rule is activated", async () => {
  await registry.undone(async (sql) => {
    await federate(sql);
    await addProvider(sql, GITHUB);
    await addRule(sql, { name: "shared", provider: GITHUB });
    await assert.rejects(
      sql.savepoint((sql) =>
        sql`update jwt_federation_rules set conditions = '{"ref": "main"}' where name = 'shared'`
      ),
      refusal("23514", /names no owner/),
    );
    await sql`update jwt_federation_rules set conditions = '{"repository_id": "75"}' where name = 'shared'`;
    // As it would be if the list of shared providers had grown since.
    await sql`alter table jwt_federation_rules disable trigger before_change`;
    await sql`update jwt_federation_rules set conditions = '{"ref": "main"}' where name = 'shared'`;
    await sql`alter table jwt_federation_rules enable always trigger before_change`;
    await sql`update jwt_federation_rules set is_active = false where name = 'shared'`;
    await assert.rejects(
      sql.savepoint((sql) =>
        sql`update jwt_federation_rules set is_active = true where name = 'shared'`
      ),
      refusal("23514", /names no owner/),
    );
  });
});
