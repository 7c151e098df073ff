/**
 * The how-to guides for jobs without a key: what each has the job run is run here, with a provider that stands in for
 * the platform's, against the function, PostgREST and the guard.
 */
import assert from "node:assert/strict";
import { AUTHORITY, until } from "@countersign/fixture";
import {
  httpAnswer,
  makeProvider,
  type Provider,
  startTlsServer,
} from "@countersign/fixture/federation";
import {
  edgeRuntime,
  type Host,
  openStage,
  ownProcess,
  type Stage,
} from "@countersign/fixture/stage";

const COMMIT = "8c5be2f0c0ffee";

async function guide(name: string): Promise<string> {
  return await Deno.readTextFile(new URL(`../../../../docs/how-to/${name}.md`, import.meta.url));
}

/** The blocks of a guide in one language. */
function blocks(markdown: string, language: string): string[] {
  return [...markdown.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "gms"))]
    .map(([, text]) => text ?? "");
}

/** The shell script in a block of YAML: the literal block that comes first. */
function scriptIn(yaml: string): string {
  const [, indent = "", script = ""] = /^( *)(?:- )?(?:\w+: )?\|\n((?:\1 .*\n)+)/m.exec(yaml) ?? [];
  assert.notEqual(script, "", `no script: ${indent}`);
  return script;
}

/** Runs what a job runs. */
async function run(script: string, env: Record<string, string>): Promise<string> {
  const { stdout, stderr, success } = await new Deno.Command("sh", {
    args: ["-ec", script],
    env,
    stdin: "null",
  }).output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  return success ? "written" : said;
}

/** The function with a registry in which `rule` is the only one, and a provider behind HTTPS. */
async function federatedStage(rule: {
  readonly conditions: object;
  readonly subject: string;
}, host: Host = ownProcess): Promise<
  AsyncDisposable & {
    readonly stage: Stage;
    readonly provider: Provider;
    serve(token: () => string): void;
  }
> {
  await using opened = new AsyncDisposableStack();
  const certificate = await Deno.makeTempFile({ suffix: ".pem" });
  opened.defer(() => Deno.remove(certificate));
  await Deno.writeTextFile(certificate, AUTHORITY);
  let token = () => "";
  const server = opened.use(startTlsServer((path) => {
    const documents: Record<string, object> = {
      "/.well-known/openid-configuration": {
        issuer: server.origin,
        jwks_uri: `${server.origin}/jwks`,
      },
      "/jwks": { keys: [provider.jwk] },
    };
    const document = documents[path];
    if (document !== undefined) return httpAnswer(JSON.stringify(document));
    return httpAnswer(JSON.stringify({ value: token() }));
  }));
  const provider = await makeProvider(server.origin);
  const [table = ""] = blocks(await guide("write-from-github-actions"), "sql");
  const stage = opened.use(
    await openStage(host, { env: { DENO_CERT: certificate }, sql: [table] }),
  );
  const { sql } = stage;
  await sql`
    insert into public.jwt_issuers (issuer, allowed_roles, default_role)
    values ('shop-ci', '{deployments_writer}', 'deployments_writer')`;
  await sql`
    insert into public.jwt_oidc_providers (issuer, allow_private) values (${server.origin}, true)`;
  await sql`
    insert into public.jwt_federation_rules (name, provider, issuer, audiences, conditions, subject)
    values ('shop', ${server.origin}, 'shop-ci', ${[stage.function.origin]},
      ${JSON.stringify(rule.conditions)}::text::jsonb, ${rule.subject})`;
  await sql`select countersign.guard_enable()`;
  await stage.target.reloadSchema();
  const all = opened.move();
  return {
    stage,
    provider,
    serve: (next) => void (token = next),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function rowsOf({ sql }: Stage) {
  return [...await sql`select commit, deployed_by, issuer from public.deployments order by id`];
}

/** Tries until the guard is on, then that revoking the rule is exact, though the proxy may not have heard of it. */
async function assertRevocable(stage: Stage, write: () => Promise<string>): Promise<void> {
  await until("the guard is on", async () => {
    const answer = await stage.send({ method: "GET", path: "/rest/v1/-/readyz", token: null });
    return JSON.parse(answer.text).checks.guard === "ok";
  }, 20_000);
  assert.equal(await write(), "written");
  stage.registry.hold();
  await stage.sql`update public.jwt_federation_rules set is_active = false where name = 'shop'`;
  assert.match(await write(), /401|403/);
  stage.registry.open();
}

Deno.test("a GitHub Actions job without a secret writes, and its fork does not", async () => {
  const markdown = await guide("write-from-github-actions");
  const [workflow = ""] = blocks(markdown, "yaml");
  assert.ok(workflow.trim().split("\n").length <= 15, "a workflow of at most 15 lines");
  await using job = await federatedStage({
    conditions: { repository_id: "74", repository_owner_id: "65", environment: "production" },
    subject: "github:{repository_id}:{environment}",
  }, edgeRuntime);
  const { stage, provider, serve } = job;
  const target = stage.function.origin;
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
    return run(scriptIn(workflow), {
      TARGET: target,
      GITHUB_SHA: COMMIT,
      CURL_CA_BUNDLE: stage.env["DENO_CERT"] ?? "",
      ACTIONS_ID_TOKEN_REQUEST_URL: `${provider.record.provider}/token?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: "of the runner",
    });
  };
  assert.equal(await write(), "written");
  assert.deepEqual(await rowsOf(stage), [
    { commit: COMMIT, deployed_by: "github:74:production", issuer: "shop-ci" },
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
  await assertRevocable(stage, write);
});

Deno.test("a GitLab job without a secret writes, and another project's does not", async () => {
  const [pipeline = ""] = blocks(await guide("write-from-gitlab-ci"), "yaml");
  await using job = await federatedStage({
    conditions: { project_id: "74", namespace_id: "65", environment: "production" },
    subject: "gitlab:{project_id}:{environment}",
  });
  const { stage, provider } = job;
  const claims = {
    aud: stage.function.origin,
    sub: "project_path:acme/shop:ref_type:branch:ref:main",
    project_id: "74",
    namespace_id: "65",
    environment: "production",
  };
  const write = (changes: object = {}) =>
    run(scriptIn(pipeline), {
      TARGET: stage.function.origin,
      CI_COMMIT_SHA: COMMIT,
      COUNTERSIGN_TOKEN: provider.forge.token({ claims: { ...claims, ...changes } }),
    });
  assert.equal(await write(), "written");
  assert.match(await write({ project_id: "75" }), /rule_not_matched/);
  assert.deepEqual(await rowsOf(stage), [
    { commit: COMMIT, deployed_by: "gitlab:74:production", issuer: "shop-ci" },
  ]);
});

Deno.test("a pod without a secret writes, and one of another service account does not", async () => {
  const [pod = ""] = blocks(await guide("write-from-kubernetes"), "yaml");
  await using job = await federatedStage({
    conditions: {
      "/kubernetes.io/namespace": "shop",
      "/kubernetes.io/serviceaccount/name": "worker",
    },
    subject: "k8s:{/kubernetes.io/namespace}:{/kubernetes.io/serviceaccount/name}",
  });
  const { stage, provider } = job;
  const file = await Deno.makeTempFile();
  const write = async (name: string) => {
    const claims = {
      aud: [stage.function.origin],
      sub: `system:serviceaccount:shop:${name}`,
      "kubernetes.io": { namespace: "shop", serviceaccount: { name, uid: "b1c2" } },
    };
    await Deno.writeTextFile(file, provider.forge.token({ claims }));
    const script = scriptIn(pod).replace("/var/run/secrets/tokens/countersign", file);
    return await run(script, { TARGET: stage.function.origin });
  };
  assert.equal(await write("worker"), "written");
  assert.match(await write("worker-evil"), /rule_not_matched/);
  assert.deepEqual(await rowsOf(stage), [
    { commit: "from a pod", deployed_by: "k8s:shop:worker", issuer: "shop-ci" },
  ]);
  await Deno.remove(file);
});
