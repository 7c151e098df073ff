import { startLocalTarget } from "@countersign/local-target";
import { applyMigrations, enableGuard } from "@countersign/registry-admin";
import assert from "node:assert/strict";
import { altered, type Broken, brokenSetups, closedPort } from "../../fixtures/broken.ts";
import { diagnose, type DoctorStage, type Handler } from "../../fixtures/doctor_stage.ts";

/** Another database of the same server, with what `prepare` puts into it. */
function anotherDatabase(
  prepare: (url: string) => Promise<void>,
): (stage: DoctorStage) => Promise<() => Promise<unknown>> {
  return async ({ sql, target }) => {
    await sql.unsafe("create database another");
    await prepare(another(target.databaseUrl));
    return async () => await sql.unsafe("drop database another with (force)");
  };
}

const another = (url: string) => altered(url, (url) => url.pathname = "/another");

/** Changes what the function's `/-/readyz` reports. */
function reporting(
  change: (facts: Record<string, unknown>) => Record<string, unknown>,
): NonNullable<Broken["wrap"]> {
  return async (request: Request, inner: Handler) => {
    const response = await inner(request);
    if (!request.url.endsWith("/readyz")) return response;
    const { facts, ...rest } = await response.json();
    return Response.json({ ...rest, facts: { ...facts, ...change(facts) } }, {
      status: response.status,
    });
  };
}

/** PostgREST reads its settings again, and the test waits for it. */
function setting(name: string, value: string): NonNullable<Broken["prepare"]> {
  return async ({ superuser, target }) => {
    const ask = async () => {
      await superuser.unsafe("notify pgrst, 'reload config'");
      await target.reloadSchema();
    };
    await superuser.unsafe(`alter role authenticator set pgrst.${name} = '${value}'`);
    await ask();
    return async () => {
      await superuser.unsafe(`alter role authenticator reset pgrst.${name}`);
      await ask();
    };
  };
}

let elsewhere = 0;

brokenSetups("the function's configuration", { complete: false }, [
  {
    what: "PostgREST stopped",
    deploy: () => ({}),
    prepare: async ({ target }) => {
      await target.postgrest.stop();
      return () => target.postgrest.start();
    },
    expect: ["apikey.postgrest_down", "upstream.upstream_unavailable"],
    fix: /PostgREST is running/,
  },
  {
    what: "a function whose own key was revoked",
    deploy: () => ({
      SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: "sb_publishable_revoked" }),
    }),
    expect: ["upstream.upstream_refuses_key"],
    fix: /SUPABASE_PUBLISHABLE_KEYS .* deploy the function again/,
  },
  {
    what: "an upstream at which nothing listens",
    deploy: () => ({ COUNTERSIGN_UPSTREAM_URL: `http://127.0.0.1:${closedPort()}` }),
    expect: ["upstream.upstream_unreachable"],
    fix: /COUNTERSIGN_UPSTREAM_URL/,
  },
  {
    what: "an upstream that is something else",
    prepare: async () => {
      const server = Deno.serve(
        { hostname: "127.0.0.1", port: 0, onListen: () => {} },
        () => new Response("<h1>It works!</h1>"),
      );
      elsewhere = server.addr.port;
      return await Promise.resolve(() => server.shutdown());
    },
    deploy: () => ({ COUNTERSIGN_UPSTREAM_URL: `http://127.0.0.1:${elsewhere}` }),
    expect: ["upstream.upstream_not_postgrest"],
    fix: /COUNTERSIGN_UPSTREAM_URL/,
  },
  {
    what: "another project's secret",
    deploy: () => ({ COUNTERSIGN_JWT_SECRET: "x".repeat(40) }),
    expect: ["secret.signature_refused"],
    fix: /compare COUNTERSIGN_JWT_SECRET or COUNTERSIGN_SIGNING_JWK/,
  },
  {
    what: "a secret with a space behind it",
    deploy: ({ target }) => ({ COUNTERSIGN_JWT_SECRET: `${target.jwtSecret}x` }),
    expect: ["secret.signature_refused"],
    fix: /compare COUNTERSIGN_JWT_SECRET/,
  },
  {
    what: "a function whose clock is two minutes behind",
    clock: -120,
    expect: ["secret.signature_refused", "clock.clock_here", "clock.clocks_apart"],
    fix: /see clock/,
  },
  {
    what: "a function whose clock is fifteen seconds ahead",
    clock: 15,
    expect: ["clock.clock_here", "clock.clocks_differ"],
    fix: /set this machine's clock/,
  },
  {
    what: "a machine whose clock is a minute ahead",
    world: () => ({ now: () => Date.now() + 60_000 }),
    expect: ["clock.clock_here"],
    fix: /set this machine's clock/,
  },
  {
    what: "a PostgREST that takes the role from another claim",
    deploy: () => ({}),
    prepare: setting("jwt_role_claim_key", ".app_role"),
    expect: ["role_claim.role_claim_other"],
    fix: /reset pgrst\.jwt_role_claim_key/,
  },
  {
    what: "a PostgREST with an audience of its own",
    prepare: setting("jwt_aud", "production"),
    expect: ["postgrest.jwt_aud_set"],
    fix: /reset pgrst\.jwt_aud/,
  },
  {
    what: "a PostgREST that serves the private schema",
    prepare: setting("db_schemas", "public, countersign"),
    expect: ["postgrest.private_schema_exposed"],
    fix: /remove it from the exposed schemas/,
  },
  {
    what: "a function for another environment",
    deploy: () => ({ COUNTERSIGN_AUDIENCE: "staging" }),
    expect: ["audience.audience_other"],
    fix: /remove COUNTERSIGN_AUDIENCE/,
  },
  {
    what: "the function under another spelling of the project",
    env: ({ target }) => ({ SUPABASE_URL: target.url.replace("127.0.0.1", "localhost") }),
    expect: ["audience.audience_other"],
    fix: /let issuers name one of those as aud/,
  },
  {
    what: "an issuer whose audience is no name of the function",
    sql: [
      "update public.jwt_issuers set audiences = '{production}' where issuer = 'clerk'",
      "update public.jwt_issuers set audiences = null where issuer = 'clerk'",
    ],
    expect: ["audience.audience_unusual"],
    fix: /policy set --issuer clerk --own-audience/,
  },
  {
    what: "a list of allowed issuers that lacks one",
    deploy: () => ({ COUNTERSIGN_ALLOWED_ISSUERS: "billing" }),
    env: () => ({ COUNTERSIGN_ALLOWED_ISSUERS: "billing" }),
    expect: ["allowed.issuer_not_allowed"],
    fix: /add it to COUNTERSIGN_ALLOWED_ISSUERS/,
  },
  {
    what: "a function of another release",
    wrap: reporting(() => ({ version: "0.0.9" })),
    expect: ["version.other_version"],
    fix: /supabase\/functions\/rest\/deno\.json/,
  },
  {
    what: "a wrong password in the function",
    deploy: ({ target }) => ({
      COUNTERSIGN_DB_URL: altered(target.databaseUrl, (url) => url.password = "wr0ng"),
    }),
    expect: ["registry.registry_unreadable"],
    fix: /COUNTERSIGN_DB_URL of the function: user, password, port/,
  },
  {
    what: "a wrong port in the function",
    deploy: ({ target }) => ({
      COUNTERSIGN_DB_URL: altered(target.databaseUrl, (url) => url.port = String(closedPort())),
    }),
    expect: ["registry.registry_unreadable"],
    fix: /port/,
  },
  {
    what: "a database user of the function who may not read the registry",
    sql: ["create role nobody_special login password 'pw'", "drop role nobody_special"],
    deploy: ({ target }) => ({
      COUNTERSIGN_DB_URL: altered(target.databaseUrl, (url) => {
        url.username = "nobody_special";
        url.password = "pw";
      }),
    }),
    expect: ["registry.registry_unreadable"],
    fix: /countersign_reader/,
  },
  {
    what: "countersign_reader before it got a password",
    deploy: ({ target }) => ({
      COUNTERSIGN_DB_URL: altered(target.databaseUrl, (url) => url.username = "countersign_reader"),
    }),
    expect: ["registry.registry_unreadable"],
    fix: /user, password/,
  },
  {
    what: "a function that demands TLS of a database without",
    deploy: ({ target }) => ({ COUNTERSIGN_DB_URL: `${target.databaseUrl}?sslmode=require` }),
    expect: ["registry.registry_unreadable"],
    fix: /the certificate \(COUNTERSIGN_DB_CA\)/,
  },
  {
    what: "a function whose database has no registry",
    prepare: anotherDatabase(() => Promise.resolve()),
    deploy: ({ target }) => ({ COUNTERSIGN_DB_URL: another(target.databaseUrl) }),
    expect: ["registry.registry_unreadable"],
    fix: /apply the migrations/,
  },
  {
    what: "a function that reads another database's registry",
    prepare: anotherDatabase(applyMigrations),
    deploy: ({ target }) => ({ COUNTERSIGN_DB_URL: another(target.databaseUrl) }),
    expect: ["registry.other_registry"],
    fix: /set COUNTERSIGN_DB_URL of the function to this project's database/,
  },
  {
    what: "a function that reads a copy that is behind",
    wrap: reporting((facts) => ({
      registry: { ...Object(facts.registry), version: "1.stale" },
    })),
    expect: ["registry.stale_registry"],
    fix: /replica that is behind/,
  },
  {
    what: "a service key of another project",
    env: () => ({ COUNTERSIGN_ADMIN_DB_URL: null, SUPABASE_SERVICE_ROLE_KEY: "sb_secret_wrong" }),
    expect: ["access.registry_refused"],
    fix: /check the service key/,
  },
  {
    what: "a publishable key in the place of the service key",
    env: ({ target }) => ({
      COUNTERSIGN_ADMIN_DB_URL: null,
      SUPABASE_SERVICE_ROLE_KEY: target.publishableKey,
    }),
    expect: ["access.registry_refused"],
    fix: /check the service key/,
  },
  {
    what: "an anon key in the place of the service key",
    env: ({ target }) => ({
      COUNTERSIGN_ADMIN_DB_URL: null,
      SUPABASE_SERVICE_ROLE_KEY: target.anonKey,
    }),
    expect: ["access.registry_refused"],
    fix: /check the service key/,
  },
  {
    what: "a wrong password in the operator's database URL",
    env: ({ target }) => ({
      COUNTERSIGN_ADMIN_DB_URL: altered(target.databaseUrl, (url) => url.password = "wr0ng"),
    }),
    expect: ["access.database_unreachable"],
    fix: /user, password/,
  },
  {
    what: "a wrong port in the operator's database URL",
    env: ({ target }) => ({
      COUNTERSIGN_ADMIN_DB_URL: altered(
        target.databaseUrl,
        (url) => url.port = String(closedPort()),
      ),
    }),
    expect: ["access.database_unreachable"],
    fix: /host, port/,
  },
  {
    what: "a database name that does not exist",
    env: ({ target }) => ({
      COUNTERSIGN_ADMIN_DB_URL: altered(target.databaseUrl, (url) => url.pathname = "/nowhere"),
    }),
    expect: ["access.database_unreachable"],
    fix: /check the database URL/,
  },
  {
    what: "TLS demanded of a database without",
    env: ({ target }) => ({ COUNTERSIGN_ADMIN_DB_URL: `${target.databaseUrl}?sslmode=require` }),
    expect: ["access.database_unreachable"],
    fix: /sslmode/,
  },
  {
    what: "a registry without a key for the seal",
    superuser: [
      "create table public.kept_seals as select * from countersign.seal_keys; delete from countersign.seal_keys",
      "insert into countersign.seal_keys select * from public.kept_seals; drop table public.kept_seals",
    ],
    deploy: () => ({}),
    expect: ["guard.no_seal_key"],
    fix: /^countersign guard rotate-seal$/,
  },
  {
    what: "a project in which countersign_reader was dropped",
    superuser: ["drop owned by countersign_reader; drop role countersign_reader", "select 1"],
    prepare: ({ target }) => Promise.resolve(() => applyMigrations(target.databaseUrl)),
    deploy: () => ({}),
    expect: ["access.registry_broken", "registry.registry_unreadable"],
    fix: /apply the migrations again, which restore what is missing/,
  },
  {
    what: "a registry that belongs to another role",
    superuser: [
      "alter table public.jwt_issuers owner to supabase_admin",
      "alter table public.jwt_issuers owner to postgres",
    ],
    deploy: () => ({}),
    expect: ["access.registry_denied", "registry.registry_unreadable", "migrations.foreign_owner"],
    fix: /connect as the registry's owner, usually postgres; see migrations/,
  },
  {
    what: "another database given to the operator than to the function",
    prepare: anotherDatabase(async (url) => {
      await applyMigrations(url);
    }),
    env: ({ target }) => ({ COUNTERSIGN_ADMIN_DB_URL: another(target.databaseUrl) }),
    expect: ["registry.other_registry", "issuers.no_issuer"],
    fix: /or give the function's database here/,
  },
]);

Deno.test("doctor finds a guard that PostgREST does not call, because it does not read the database's settings", async () => {
  await using target = await startLocalTarget({
    postgrest: { settings: { "db-config": "false" } },
  });
  await enableGuard({ databaseUrl: target.databaseUrl });
  const { findings } = await diagnose({
    SUPABASE_URL: target.url,
    SUPABASE_PUBLISHABLE_KEY: target.publishableKey,
    COUNTERSIGN_ADMIN_DB_URL: target.databaseUrl,
  });
  const guard = findings.find(({ check }) => check === "guard");
  assert.equal(guard?.code, "guard_not_called");
  assert.match(guard?.fix ?? "", /db-config = true/);
});
