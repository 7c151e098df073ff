// What only PostgREST can decide: how it answers the proxy's questions, however it is configured.
import { makeIssuer } from "@countersign/fixture";
import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import { connectPostgres } from "@countersign/postgres";
import { memoryKeySource, restKeySource } from "@countersign/verifier";
import assert from "node:assert/strict";
import postgres from "postgres";
import { createJwtSwapProxy } from "../create_jwt_swap_proxy.ts";
import { hs256Signer } from "../downstream/hs256_signer.ts";
import type { ProxyOptions } from "../options/proxy_options.ts";
import { postgresKeySource } from "../registry/postgres_key_source.ts";
import type { Readiness } from "./readiness.ts";

const OK: Readiness["checks"] = {
  registry: "ok",
  upstream: "ok",
  signature: "ok",
  role_claim: "ok",
  guard: "off",
};

class ConfiguredTarget implements AsyncDisposable {
  private constructor(
    readonly target: LocalTarget,
    readonly superuser: postgres.Sql,
  ) {}

  static async start(settings: Readonly<Record<string, string>> = {}): Promise<ConfiguredTarget> {
    const target = await startLocalTarget({
      function: false,
      postgrest: { settings },
      sql: [
        "select countersign.create_writer_role('widgets_writer')",
        "create table public.notes (note text, writer text default current_user)",
        "grant select, insert on public.notes to widgets_writer, service_role",
        "create schema api",
        "grant usage on schema api to anon",
      ],
    });
    return new ConfiguredTarget(
      target,
      postgres(target.superuserUrl, { max: 1, onnotice: () => {} }),
    );
  }

  /** Sets PostgREST's configuration in the database, and has PostgREST start with it. */
  async configure(...statements: string[]): Promise<void> {
    for (const statement of statements) await this.superuser.unsafe(statement);
    await this.target.postgrest.restart();
  }

  async checks(options: Partial<ProxyOptions> = {}): Promise<Readiness["checks"]> {
    const client = connectPostgres(this.target.databaseUrl, { listen: false });
    const keySource = postgresKeySource(client);
    try {
      const handler = createJwtSwapProxy({
        supabaseUrl: this.target.url,
        apikey: this.target.publishableKey,
        supabaseJwtSecret: this.target.jwtSecret,
        keySource,
        ...options,
      });
      const response = await handler(new Request("http://x/rest/-/readyz"));
      const { status, checks } = await response.json();
      assert.equal(response.status, status === "ready" ? 200 : 503);
      return checks;
    } finally {
      await keySource.close();
      await client.end();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.superuser.end();
    await this.target.stop();
  }
}

Deno.test("/-/readyz tells how PostgREST is configured", async (t) => {
  await using configured = await ConfiguredTarget.start();
  const { target } = configured;

  await t.step("as it should be", async () => {
    assert.deepEqual(await configured.checks(), OK);
    const direct = { upstreamUrl: target.postgrestUrl };
    assert.deepEqual(await configured.checks(direct), OK);
  });

  await t.step("with a key that PostgREST does not know, or a clock that is wrong", async () => {
    const refused = { ...OK, signature: "refused", role_claim: "unknown", guard: "unknown" };
    const stranger = hs256Signer("a secret that PostgREST was never told of");
    assert.deepEqual(await configured.checks({ signer: stranger }), refused);
    assert.deepEqual(await configured.checks({ now: () => Date.now() - 3_600_000 }), refused);
  });

  await t.step("behind a gateway that refuses our key, or is not there", async () => {
    const unknown = { signature: "unknown", role_claim: "unknown", guard: "unknown" };
    const refused = { ...OK, upstream: "refused", ...unknown };
    assert.deepEqual(await configured.checks({ apikey: "sb_publishable_wrong" }), refused);
    const nobody = { upstreamUrl: "http://127.0.0.1:9" };
    assert.deepEqual(await configured.checks(nobody), {
      ...OK,
      upstream: "unreachable",
      ...unknown,
    });
    for (const upstreamUrl of [target.url, `${target.url}/rest/v1/rest/v1`]) {
      const checks = await configured.checks({ upstreamUrl });
      assert.deepEqual(checks, { ...OK, upstream: "not_postgrest", ...unknown }, upstreamUrl);
    }
  });

  await t.step("with the guard on", async () => {
    await configured.configure("select countersign.guard_enable()");
    assert.deepEqual(await configured.checks(), { ...OK, guard: "ok" });
    // A source that cannot ask the database sees what PostgREST does all the same.
    const keySource = memoryKeySource([]);
    assert.deepEqual(await configured.checks({ keySource }), { ...OK, guard: "ok" });
    const overRest = restKeySource({ supabaseUrl: target.url, serviceRoleKey: target.secretKey });
    assert.deepEqual(await configured.checks({ keySource: overRest }), { ...OK, guard: "ok" });
  });

  await t.step("with a role from another claim", async () => {
    await configured.configure(
      "alter role authenticator set pgrst.jwt_role_claim_key = '.app_role'",
    );
    const wrong = { ...OK, role_claim: "wrong", guard: "ok" };
    assert.deepEqual(await configured.checks(), wrong);
    await configured.configure(
      "select countersign.guard_disable()",
      "grant select on public.jwt_registry_version to anon",
    );
    assert.deepEqual(
      await configured.checks(),
      { ...wrong, guard: "off" },
      "anon may read our view",
    );
    await configured.configure("alter role authenticator set pgrst.db_anon_role = ''");
    const anonymous = { ...wrong, guard: "unknown" };
    assert.deepEqual(await configured.checks(), anonymous, "there is no anonymous role");
    await configured.configure(
      "alter role authenticator reset pgrst.db_anon_role",
      "alter role authenticator set pgrst.db_schemas = 'api'",
    );
    assert.deepEqual(
      await configured.checks(),
      { ...wrong, guard: "off" },
      "public is not exposed",
    );
  });

  await t.step("with schemas and descriptions hidden", async () => {
    await configured.configure("alter role authenticator reset pgrst.jwt_role_claim_key");
    assert.deepEqual(await configured.checks(), OK);
    await configured.configure("select countersign.guard_enable()");
    assert.deepEqual(await configured.checks(), { ...OK, guard: "ok" });
    await configured.configure("alter role authenticator set pgrst.openapi_mode = 'disabled'");
    const checks = await configured.checks();
    assert.ok(checks.role_claim !== "wrong" && checks.guard !== "not_called");
  });
});

Deno.test("/-/readyz tells that PostgREST does not read the guard from the database", async () => {
  await using configured = await ConfiguredTarget.start({ "db-config": "false" });
  assert.deepEqual(await configured.checks(), OK);
  await configured.configure("select countersign.guard_enable()");
  assert.deepEqual(await configured.checks(), { ...OK, guard: "not_called" });
  const { url: supabaseUrl, secretKey: serviceRoleKey } = configured.target;
  const overRest = restKeySource({ supabaseUrl, serviceRoleKey });
  const checks = await configured.checks({ keySource: overRest });
  assert.deepEqual(checks, { ...OK, guard: "not_called" });
});

Deno.test("createJwtSwapProxy() serves nobody where PostgREST reads the role from another claim", async () => {
  await using configured = await ConfiguredTarget.start();
  const { target } = configured;
  const issuer = await makeIssuer("service-a");
  const write = async (note: string) => {
    const handler = createJwtSwapProxy({
      supabaseUrl: target.url,
      apikey: target.publishableKey,
      supabaseJwtSecret: target.jwtSecret,
      keySource: memoryKeySource([issuer.record]),
    });
    const iat = Math.floor(Date.now() / 1000);
    const token = await issuer.sign({ iat, exp: iat + 60, app_role: "service_role" });
    return await handler(
      new Request("http://x/rest/v1/notes", {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ note }),
      }),
    );
  };
  const writers = async () => {
    const rows = await configured.superuser`select note, writer from public.notes`;
    return rows.map(({ note, writer }) => [note, writer]);
  };

  assert.equal((await write("before")).status, 201);
  await configured.configure("alter role authenticator set pgrst.jwt_role_claim_key = '.app_role'");
  const response = await write("as anyone");
  assert.equal(response.status, 502);
  assert.equal((await response.json()).code, "target_misconfigured");
  assert.deepEqual(await writers(), [["before", "widgets_writer"]]);
  await configured.configure("alter role authenticator reset pgrst.jwt_role_claim_key");
  assert.equal((await write("after")).status, 201);
});
