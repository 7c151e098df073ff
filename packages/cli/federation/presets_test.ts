import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import { judgeRule } from "@countersign/verifier";
import assert from "node:assert/strict";
import postgres from "postgres";
import { presetRule } from "./preset_rule.ts";
import { PRESETS } from "./presets.ts";

let local: LocalTarget;
let sql: postgres.Sql;

Deno.test.beforeAll(async () => {
  local = await startLocalTarget({ function: false });
  sql = postgres(local.databaseUrl, { max: 1, onnotice: () => {} });
});
Deno.test.afterAll(async () => {
  await sql.end();
  await local.stop();
});
Deno.test.afterEach(async () => {
  await sql`delete from jwt_oidc_providers where true`;
  await sql`delete from jwt_issuers where true`;
});

/** Claims of each provider's tokens, as its documentation shows them. */
const SHAPES: Readonly<
  Record<string, { flags: Record<string, string>; claims: Record<string, unknown> }>
> = {
  github: {
    flags: { "repository-id": "74", "repository-owner-id": "65", environment: "prod" },
    claims: { repository_id: "74", repository_owner_id: "65", environment: "prod" },
  },
  gitlab: {
    flags: { "project-id": "22", "namespace-id": "72", ref: "main" },
    claims: { project_id: "22", namespace_id: "72", ref: "main" },
  },
  kubernetes: {
    flags: { namespace: "jobs", "service-account": "writer" },
    claims: {
      "kubernetes.io": { namespace: "jobs", serviceaccount: { name: "writer", uid: "1f" } },
    },
  },
  google: {
    flags: { "service-account-id": "103456789012345678901" },
    claims: { sub: "103456789012345678901" },
  },
  fly: {
    flags: { "org-id": "29", "app-id": "3671581" },
    claims: { org_id: "29", app_id: "3671581" },
  },
  circleci: {
    flags: { "project-id": "p1", "context-id": "c1", "vcs-origin": "github.com/acme/shop" },
    claims: {
      "oidc.circleci.com/project-id": "p1",
      "oidc.circleci.com/context-ids": ["c0", "c1"],
      "oidc.circleci.com/vcs-origin": "github.com/acme/shop",
    },
  },
  buildkite: {
    flags: { "organization-id": "o1", "pipeline-id": "p1", branch: "main" },
    claims: { organization_id: "o1", pipeline_id: "p1", build_branch: "main" },
  },
  "terraform-cloud": {
    flags: { "organization-id": "org-1", "workspace-id": "ws-1", "run-phase": "apply" },
    claims: {
      terraform_organization_id: "org-1",
      terraform_workspace_id: "ws-1",
      terraform_run_phase: "apply",
    },
  },
  vercel: {
    flags: { "team-id": "team_1", "project-id": "prj_1", environment: "production" },
    claims: { owner_id: "team_1", project_id: "prj_1", environment: "production" },
  },
};

for (const preset of PRESETS) {
  Deno.test(`the preset ${preset.name} makes a rule that the database takes, that matches, and that each claim decides`, async () => {
    const { flags, claims } = SHAPES[preset.name] ?? { flags: {}, claims: {} };
    const provider = preset.issuer ??
      `https://${
        preset.name === "vercel"
          ? "oidc.vercel.com"
          : preset.name === "fly"
          ? "oidc.fly.io"
          : preset.name === "circleci"
          ? "oidc.circleci.com"
          : "k8s.example.com"
      }/acme`;
    const made = presetRule(preset, new Map(Object.entries(flags)), provider);
    const { conditions, subject } = made;
    await sql`insert into jwt_oidc_providers (issuer) values (${provider})`;
    await sql`insert into jwt_issuers (issuer) values ('deployer')`;
    await sql`insert into jwt_federation_rules (name, provider, issuer, audiences, conditions, subject)
      values ('r', ${provider}, 'deployer', '{x}', ${
      JSON.stringify(conditions)
    }::text::jsonb, ${subject})`;
    const rule = {
      ...{ name: "r", issuer: "deployer", audiences: ["x"], conditions, subject, claims: {} },
      ...{ role: null, maxTokenLifetime: 60, mode: "enforce" as const, isActive: true },
    };
    assert.equal(judgeRule(rule, { aud: "x", ...claims }).matches, true);
    for (const name of Object.keys(claims)) {
      assert.equal(judgeRule(rule, { aud: "x", ...claims, [name]: "evil" }).matches, false, name);
      assert.equal(
        judgeRule(rule, { aud: "x", ...claims, [name]: undefined }).matches,
        false,
        name,
      );
    }
  });
}
