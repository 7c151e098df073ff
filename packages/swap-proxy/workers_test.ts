/**
 * The proxy on Workers: bundled as for Cloudflare, in workerd, in front of a real target.
 *
 * workerd comes from npm, pinned. Only Linux has it there; elsewhere this fails.
 */
import { startWorkerd } from "@countersign/fixture";
import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import { deactivateIssuer, registerPublicKey } from "@countersign/registry-admin";
import { createTokenSource, generateIssuerKeyPair } from "@countersign/signer";
import assert from "node:assert/strict";

const WORKERD = `@cloudflare/workerd-linux-${
  Deno.build.arch === "aarch64" ? "arm64" : "64"
}@1.20261117.1`;

let target: LocalTarget;
let folder: string;

Deno.test.beforeAll(async () => {
  assert.equal(Deno.build.os, "linux", "workerd is packaged for Linux only");
  target = await startLocalTarget({
    function: false,
    sql: [
      "select countersign.create_writer_role('widgets_writer')",
      "create table public.widgets (id int primary key, owner text default countersign.issuer())",
      "grant select, insert on public.widgets to widgets_writer",
    ],
  });
  folder = await Deno.makeTempDir();
  const quiet = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
  await run("npm", "install", "--ignore-scripts", "--prefix", folder, ...quiet, WORKERD);
});
Deno.test.afterAll(async () => {
  await Deno.remove(folder, { recursive: true });
  await target.stop();
});

async function run(command: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, stdin: "null" })
    .output();
  const text = new TextDecoder();
  assert.ok(success, `${command} ${args.join(" ")}\n${text.decode(stderr)}`);
  return text.decode(stdout);
}

/** Bundles a Worker and runs it with these bindings. */
async function startWorker(entry: string, flag: string, bindings: Record<string, string>) {
  const source = new URL(`./fixtures/${entry}`, import.meta.url).pathname;
  const bundle = `${folder}/${entry}.js`;
  // "deno" leaves node: imports to the runtime, "browser" would fail on them.
  const platform = flag === "nodejs_compat" ? "deno" : "browser";
  await run(
    Deno.execPath(),
    "bundle",
    "--quiet",
    `--platform=${platform}`,
    `--output=${bundle}`,
    source,
  );
  const texts = Object.entries(bindings).map(([name, text]) =>
    `(name = ${JSON.stringify(name)}, text = ${JSON.stringify(text)})`
  );
  // Without the service "internet", workerd reaches no private address.
  await Deno.writeTextFile(
    `${folder}/config.capnp`,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "worker", esModule = embed "${entry}.js")],
      compatibilityDate = "2026-06-01",
      compatibilityFlags = ["${flag}"],
      bindings = [${texts.join(", ")}],
    )),
    (name = "internet", network = (allow = ["private", "local"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);`,
  );
  const [, name = ""] = /^(.*)@/.exec(WORKERD) ?? [];
  return await startWorkerd(`${folder}/node_modules/${name}/bin/workerd`, folder);
}

Deno.test("@countersign/swap-proxy/workers reaches no Postgres driver and no module of Node", async () => {
  const entry = new URL("./workers.ts", import.meta.url).pathname;
  const graph: { modules: { specifier: string }[] } = JSON.parse(
    await run(Deno.execPath(), "info", "--json", entry),
  );
  const outside = graph.modules.map(({ specifier }) => specifier)
    .filter((specifier) => !specifier.startsWith("file:"));
  assert.deepEqual(outside, ["npm:/@opentelemetry/api@1.10.0"]);
});

Deno.test("the proxy on Workers answers one request after the other, and many at once", async () => {
  const { privateKey, publicKey } = await generateIssuerKeyPair();
  const admin = { databaseUrl: target.databaseUrl };
  await registerPublicKey({ ...admin, issuer: "billing", publicKey, roles: ["widgets_writer"] });
  const claims = { sub: "job-1", role: "widgets_writer" };
  const token = createTokenSource({ privateKey, issuer: "billing", claims });

  await using worker = await startWorker("worker.ts", "no_nodejs_compat", {
    SUPABASE_URL: target.url,
    SUPABASE_ANON_KEY: target.publishableKey,
    SUPABASE_SERVICE_ROLE_KEY: target.serviceRoleKey,
    COUNTERSIGN_JWT_SECRET: target.jwtSecret,
  });
  const ask = async (authorization: string, init: RequestInit = {}) => {
    const headers = { authorization, "content-type": "application/json" };
    const response = await fetch(`${worker.url}/rest/v1/widgets`, { headers, ...init });
    await response.body?.cancel();
    return response.status;
  };
  const bearer = `Bearer ${await token()}`;
  const write = (id: number) => ask(bearer, { method: "POST", body: JSON.stringify({ id }) });

  assert.equal(await ask(bearer.slice(0, -8) + "AAAAAAAA"), 401);
  for (let id = 1; id <= 10; id++) assert.equal(await write(id), 201);
  const many = Array.from({ length: 20 }, (_, index) => write(100 + index));
  assert.deepEqual(new Set(await Promise.all(many)), new Set([201]));

  await deactivateIssuer(admin, "billing");
  const deadline = performance.now() + 10_000; // Twice the staleness that is permitted.
  for (let status = 200; status !== 401; status = await ask(bearer)) {
    assert.equal(status, 200);
    assert.ok(performance.now() < deadline, "still accepted");
  }
});

for (const name of ["COUNTERSIGN_DB_URL", "SUPABASE_DB_URL"]) {
  Deno.test(`the proxy on Workers refuses ${name} at the start, and names the way that works`, async () => {
    await using worker = await startWorker("worker_with_postgres.ts", "nodejs_compat", {
      SUPABASE_URL: target.url,
      SUPABASE_ANON_KEY: target.publishableKey,
      SUPABASE_SERVICE_ROLE_KEY: target.serviceRoleKey,
      COUNTERSIGN_JWT_SECRET: target.jwtSecret,
      [name]: target.databaseUrl,
    });
    const response = await fetch(`${worker.url}/rest/v1/widgets`);
    assert.equal(response.status, 500);
    const [problem, ...others] = await response.json();
    assert.deepEqual(others, []);
    assert.equal(problem.name, name);
    assert.match(problem.message, /^Workers cannot keep a connection.*over REST.*service key$/);
  });
}
