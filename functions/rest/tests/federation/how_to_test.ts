/**
 * The how-to guides for jobs without a key: their commands are run here, and what each has the job run, with a provider that
 * stands in for the platform's, against the function, PostgREST and the guard.
 */
import assert from "node:assert/strict";
import { until } from "@countersign/fixture";
import { edgeRuntime, type Stage } from "@countersign/fixture/stage";
import { blocks, followGuide, guide, run, scriptIn } from "./followed_guide.ts";

const COMMIT = "8c5be2f0c0ffee";

async function written(script: string, env: Record<string, string>): Promise<string> {
  const { success, said } = await run(script, env);
  return success ? "written" : said;
}

async function rowsOf({ sql }: Stage) {
  return [...await sql`select commit, deployed_by, issuer from public.deployments order by id`];
}

/** Tries until the guard is on, then that revoking the rule is exact, though the proxy may not have heard of it. */
async function assertRevocable(
  stage: Stage,
  write: () => Promise<string>,
  revoke: () => Promise<{ readonly success: boolean; readonly said: string }>,
): Promise<void> {
  await until("the guard is on", async () => {
    const answer = await stage.send({ method: "GET", path: "/rest/v1/-/readyz", token: null });
    return JSON.parse(answer.text).checks.guard === "ok";
  }, 20_000);
  assert.equal(await write(), "written");
  stage.registry.hold();
  const { success, said } = await revoke();
  assert.ok(success, said);
  assert.match(await write(), /401|403/);
  stage.registry.open();
}

Deno.test("a GitHub Actions job without a secret writes, and its fork does not", async () => {
  const markdown = await guide("write-from-github-actions");
  const [workflow = ""] = blocks(markdown, "yaml");
  assert.ok(workflow.trim().split("\n").length <= 15, "a workflow of at most 15 lines");
  const issuer = "https://token.actions.githubusercontent.com";
  await using job = await followGuide("write-from-github-actions", issuer, edgeRuntime);
  const { stage, target, provider, serve } = job;
  const claims = {
    aud: target,
    sub: "repo:acme@65/shop@74:environment:production",
    repository: "acme/shop",
    repository_id: "74",
    repository_owner: "acme",
    repository_owner_id: "65",
    environment: "production",
    ref: "refs/heads/main",
  };
  const write = (changes: object = {}) => {
    serve(() => provider.forge.token({ claims: { ...claims, ...changes } }));
    return written(scriptIn(workflow), {
      TARGET: target,
      GITHUB_SHA: COMMIT,
      CURL_CA_BUNDLE: stage.env["DENO_CERT"] ?? "",
      ACTIONS_ID_TOKEN_REQUEST_URL: job.tokenUrl,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: "of the runner",
    });
  };
  assert.equal(await write(), "written");
  assert.deepEqual(await rowsOf(stage), [
    { commit: COMMIT, deployed_by: "gh:74:production", issuer: "shop-ci" },
  ]);
  const fork = { repository: "evil/shop", repository_id: "75", repository_owner_id: "66" };
  for (
    const changes of [
      fork,
      { ...fork, repository: "acme/shop", sub: claims.sub },
      { environment: undefined },
      { environment: "production-evil" },
      { repository_id: 74 },
    ]
  ) assert.match(await write(changes), /rule_not_matched/);
  assert.match(await write({ aud: "https://other.supabase.co" }), /token_refused/);
  assert.equal((await rowsOf(stage)).length, 1);

  const [test = "", revoke = ""] = blocks(markdown, "sh").slice(-2);
  await job.write("claims.json", JSON.stringify({ ...claims, iss: issuer }));
  const { said } = await job.sh(test);
  assert.match(
    said,
    /acts under shop-production\n {2}iss +"shop-ci"\n {2}sub +"gh:74:production"\n/,
  );
  await assertRevocable(stage, write, () => job.sh(revoke));
});

Deno.test("a GitLab job without a secret writes, and another project's does not", async () => {
  const [pipeline = ""] = blocks(await guide("write-from-gitlab-ci"), "yaml");
  await using job = await followGuide("write-from-gitlab-ci", "https://gitlab.com");
  const { stage, target, provider } = job;
  const claims = {
    aud: target,
    sub: "project_path:acme/shop:ref_type:branch:ref:main",
    project_id: "74",
    namespace_id: "65",
    environment: "production",
  };
  const write = (changes: object = {}) =>
    written(scriptIn(pipeline), {
      TARGET: target,
      CI_COMMIT_SHA: COMMIT,
      COUNTERSIGN_TOKEN: provider.forge.token({ claims: { ...claims, ...changes } }),
    });
  assert.equal(await write(), "written");
  assert.match(await write({ project_id: "75" }), /rule_not_matched/);
  assert.deepEqual(await rowsOf(stage), [
    { commit: COMMIT, deployed_by: "gl:74:production", issuer: "shop-ci" },
  ]);
});

Deno.test("a pod without a secret writes, and one of another service account does not", async () => {
  const [pod = ""] = blocks(await guide("write-from-kubernetes"), "yaml");
  const issuer = "https://kubernetes.default.svc.cluster.local";
  await using job = await followGuide("write-from-kubernetes", issuer);
  const { stage, target, provider } = job;
  const file = await Deno.makeTempFile();
  const write = async (name: string) => {
    const claims = {
      aud: [target],
      sub: `system:serviceaccount:shop:${name}`,
      "kubernetes.io": { namespace: "shop", serviceaccount: { name, uid: "b1c2" } },
    };
    await Deno.writeTextFile(file, provider.forge.token({ claims }));
    const script = scriptIn(pod).replace("/var/run/secrets/tokens/countersign", file);
    return await written(script, { TARGET: target });
  };
  assert.equal(await write("worker"), "written");
  assert.match(await write("worker-evil"), /rule_not_matched/);
  assert.deepEqual(await rowsOf(stage), [
    { commit: "from a pod", deployed_by: "k8s:shop:worker", issuer: "shop-worker" },
  ]);
  await Deno.remove(file);
});

Deno.test("the guide for any platform: its commands work, and rule test prints what it shows", async () => {
  const name = "let-a-job-write-without-a-key";
  const issuer = "https://token.actions.githubusercontent.com";
  await using job = await followGuide(name, issuer);
  const { stage, target } = job;
  const rules = await stage.sql`select name, provider from jwt_federation_rules order by name`;
  assert.deepEqual([...rules], [
    { name: "deploy-invoices", provider: issuer },
    { name: "nightly", provider: "https://gitlab.example.com" },
  ]);
  const markdown = await guide(name);
  const test = blocks(markdown, "sh").at(-1) ?? "";
  const [near = "", matching = ""] = blocks(markdown, "text");
  const oneSpace = (text: string) =>
    text.replaceAll("https://prod-abc123.supabase.co", target).replaceAll(/ +/g, " ");
  const ids = { repository_id: "74", repository_owner_id: "65" };
  const tried = async (environment: string) => {
    await job.write(
      "claims.json",
      JSON.stringify({ iss: issuer, aud: target, ...ids, environment }),
    );
    return await job.sh(test);
  };
  const refused = await tried("staging");
  assert.equal(refused.success, false);
  assert.equal(oneSpace(refused.said), oneSpace(near));
  const accepted = await tried("production");
  assert.equal(accepted.success, true);
  assert.ok(oneSpace(accepted.said).endsWith(oneSpace(matching)), accepted.said);
});
