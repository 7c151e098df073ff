import assert from "node:assert/strict";
import { createJwtSwapProxy } from "../create_jwt_swap_proxy.ts";
import { ConfigurationError } from "../errors.ts";
import { AUTHORITY, headerOf } from "@countersign/fixture";
import { proxyOptionsFromEnv } from "./proxy_options_from_env.ts";

const SECRET = "hunter2-hunter2-hunter2-hunter2-";
const HOSTED = {
  SUPABASE_URL: "https://prod-abc123.supabase.co",
  SUPABASE_DB_URL: "postgresql://postgres:hunter2@db.prod-abc123.supabase.co:5432/postgres",
  SUPABASE_PUBLISHABLE_KEYS: '{"web":"sb_publishable_web","default":"sb_publishable_default"}',
  SUPABASE_ANON_KEY: "legacy-anon",
  SUPABASE_SERVICE_ROLE_KEY: "legacy-service",
  COUNTERSIGN_JWT_SECRET: SECRET,
};

/** What is wrong, by variable; asserts that no value is repeated. */
function problemsOf(env: Record<string, string>): string[] {
  try {
    proxyOptionsFromEnv(env);
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    assert.ok(!error.message.includes("hunter2"), error.message);
    assert.ok(!JSON.stringify(error.problems).includes("hunter2"));
    for (const { name } of error.problems) assert.ok(error.message.includes(`"${name}"`));
    return error.problems.map(({ name }) => name);
  }
  return [];
}

const without = (name: string) =>
  Object.fromEntries(Object.entries(HOSTED).filter(([variable]) => variable !== name));

Deno.test("proxyOptionsFromEnv() makes options that a hosted project's environment allows", async () => {
  const options = proxyOptionsFromEnv(HOSTED);
  assert.equal(options.supabaseUrl, HOSTED.SUPABASE_URL);
  assert.equal(options.apikey, "sb_publishable_default");
  assert.equal(options.serviceRoleKey, undefined);
  createJwtSwapProxy(options);
  await options.close();
});

Deno.test("proxyOptionsFromEnv() reads every variable", async () => {
  const options = proxyOptionsFromEnv({
    ...HOSTED,
    COUNTERSIGN_DB_URL: "postgres://reader:hunter2@pooler.example.com:6543/postgres",
    COUNTERSIGN_DB_CA: AUTHORITY.replaceAll("\n", "\\n"),
    COUNTERSIGN_DB_LISTEN: "false",
    COUNTERSIGN_MAX_STALENESS: "2s",
    COUNTERSIGN_AUDIENCE: " prod , https://prod.example.com ",
    COUNTERSIGN_REQUIRE_AUDIENCE: "true",
    COUNTERSIGN_ALLOWED_ISSUERS: "service-a,service-b",
    COUNTERSIGN_UPSTREAM_URL: "http://127.0.0.1:3000",
    COUNTERSIGN_UPSTREAM_TIMEOUT: "500ms",
    COUNTERSIGN_MOUNT_PATH: "/functions/v1/db",
    COUNTERSIGN_GATEWAY_SECRET: "a-gateway-hunter2-hunter2-hunter2",
    COUNTERSIGN_SERVER_TIMING: "true",
  });
  assert.deepEqual(options.audience, ["prod", "https://prod.example.com"]);
  assert.equal(options.requireAudience, true);
  assert.deepEqual(options.allowedIssuers, ["service-a", "service-b"]);
  assert.equal(options.upstreamUrl, "http://127.0.0.1:3000");
  assert.equal(options.upstreamTimeout, 500);
  assert.equal(options.mountPath, "/functions/v1/db");
  assert.equal(options.gatewaySecret, "a-gateway-hunter2-hunter2-hunter2");
  assert.equal(options.serverTiming, true);
  createJwtSwapProxy(options);
  await options.close();
});

Deno.test("proxyOptionsFromEnv() never takes a secret key for the gateway's", async () => {
  const options = proxyOptionsFromEnv({
    ...without("SUPABASE_PUBLISHABLE_KEYS"),
    SUPABASE_SECRET_KEYS: '{"default":"sb_secret_1"}',
  });
  assert.equal(options.apikey, "legacy-anon");
  await options.close();
  const { SUPABASE_ANON_KEY: _, ...neither } = without("SUPABASE_PUBLISHABLE_KEYS");
  assert.deepEqual(problemsOf(neither), ["SUPABASE_PUBLISHABLE_KEYS"]);
  assert.deepEqual(
    problemsOf({ ...neither, COUNTERSIGN_UPSTREAM_URL: "http://127.0.0.1:3000" }),
    [],
  );
});

Deno.test("proxyOptionsFromEnv() takes the default publishable key, or else the first", async () => {
  const options = proxyOptionsFromEnv({
    ...HOSTED,
    SUPABASE_PUBLISHABLE_KEYS: '{"a":"1","b":"2"}',
  });
  assert.equal(options.apikey, "1");
  await options.close();
});

Deno.test("proxyOptionsFromEnv() signs with the JWK where there is one", async () => {
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ]);
  const jwk = JSON.stringify({
    ...await crypto.subtle.exportKey("jwk", pair.privateKey),
    kid: "k",
  });
  const env = {
    ...without("COUNTERSIGN_JWT_SECRET"),
    JWT_SECRET: SECRET,
    COUNTERSIGN_SIGNING_JWK: jwk,
  };
  for (const beside of [{}, { COUNTERSIGN_JWT_SECRET: SECRET }]) {
    const options = proxyOptionsFromEnv({ ...env, ...beside });
    assert.equal(headerOf(await options.signer?.sign({}) ?? "").alg, "ES256");
    await options.close();
  }
  const { COUNTERSIGN_SIGNING_JWK: _, ...selfHosted } = env;
  assert.deepEqual(problemsOf(selfHosted), []);
});

Deno.test("proxyOptionsFromEnv() names everything that is missing at once", () => {
  assert.deepEqual(problemsOf({}), [
    "SUPABASE_URL",
    "SUPABASE_PUBLISHABLE_KEYS",
    "COUNTERSIGN_JWT_SECRET",
    "COUNTERSIGN_DB_URL",
  ]);
  assert.deepEqual(problemsOf({ ...HOSTED, COUNTERSIGN_JWT_SECRET: "" }), [
    "COUNTERSIGN_JWT_SECRET",
  ]);
});

Deno.test("proxyOptionsFromEnv() names the variable whose value cannot be used, without the value", () => {
  const bad: readonly [string, string][] = [
    ["SUPABASE_URL", "prod-abc123"],
    ["SUPABASE_URL", "https://user:hunter2@prod-abc123.supabase.co"],
    ["SUPABASE_DB_URL", "hunter2"],
    ["COUNTERSIGN_DB_URL", "postgres://u:hunter2@h/db?sslmode=no"],
    ["COUNTERSIGN_DB_CA", "hunter2"],
    ["COUNTERSIGN_DB_LISTEN", "maybe"],
    ["COUNTERSIGN_MAX_STALENESS", "0s"],
    ["COUNTERSIGN_MAX_STALENESS", "5 minutes"],
    ["COUNTERSIGN_MAX_STALENESS", "-1"],
    ["SUPABASE_PUBLISHABLE_KEYS", "{hunter2"],
    ["SUPABASE_PUBLISHABLE_KEYS", '["hunter2"]'],
    ["SUPABASE_PUBLISHABLE_KEYS", '{"default":{"hunter2":1}}'],
    ["COUNTERSIGN_JWT_SECRET", "hunter2"],
    ["COUNTERSIGN_AUDIENCE", ","],
    ["COUNTERSIGN_REQUIRE_AUDIENCE", "2"],
    ["COUNTERSIGN_SERVER_TIMING", "si"],
    ["COUNTERSIGN_ALLOWED_ISSUERS", " , "],
    ["COUNTERSIGN_UPSTREAM_URL", "hunter2"],
    ["COUNTERSIGN_UPSTREAM_TIMEOUT", "soon"],
    ["COUNTERSIGN_MOUNT_PATH", "rest"],
    ["COUNTERSIGN_GATEWAY_SECRET", "hunter2"],
  ];
  for (const [name, value] of bad) {
    assert.deepEqual(problemsOf({ ...HOSTED, [name]: value }), [name], `${name}=${value}`);
  }
  const jwks = ["hunter2", "[]", '{"kty":"oct","k":"hunter2","kid":"k"}', '{"d":"hunter2"}'];
  for (const jwk of jwks) {
    const env = { ...without("COUNTERSIGN_JWT_SECRET"), COUNTERSIGN_SIGNING_JWK: jwk };
    assert.deepEqual(problemsOf(env), ["COUNTERSIGN_SIGNING_JWK"], jwk);
  }
});

Deno.test("proxyOptionsFromEnv() reads the registry over REST where there is no database URL", async () => {
  const options = proxyOptionsFromEnv(without("SUPABASE_DB_URL"));
  createJwtSwapProxy(options);
  await options.close();
  const { SUPABASE_SERVICE_ROLE_KEY: _, ...neither } = without("SUPABASE_DB_URL");
  assert.deepEqual(problemsOf(neither), ["COUNTERSIGN_DB_URL"]);
});
