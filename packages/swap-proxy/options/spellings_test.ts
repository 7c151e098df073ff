/** What people write into variables: each spelling is taken, or refused under its own name with what to do. */
import { AUTHORITY, SECRET } from "@countersign/fixture";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createJwtSwapProxy } from "../create_jwt_swap_proxy.ts";
import { ConfigurationError } from "../errors.ts";
import { type ConfiguredProxyOptions, proxyOptionsFromEnv } from "../mod.ts";

const REF = "abcdefghijklmnopqrst";
const URL_ = `https://${REF}.supabase.co`;
const HOSTED: Readonly<Record<string, string>> = {
  SUPABASE_URL: URL_,
  SUPABASE_DB_URL: `postgresql://postgres:hunter2@db.${REF}.supabase.co:5432/postgres`,
  SUPABASE_PUBLISHABLE_KEYS: '{"default":"sb_publishable_1"}',
  COUNTERSIGN_JWT_SECRET: SECRET,
};

async function keyPair(params: RsaHashedKeyGenParams | EcKeyGenParams | { readonly name: string }) {
  const pair = await crypto.subtle.generateKey(params, true, ["sign", "verify"]) as CryptoKeyPair;
  return {
    pkcs8: new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey)),
    privateKey: await crypto.subtle.exportKey("jwk", pair.privateKey),
    publicKey: await crypto.subtle.exportKey("jwk", pair.publicKey),
  };
}

const rsaOf = (modulusLength: number) => ({
  name: "RSASSA-PKCS1-v1_5",
  modulusLength,
  publicExponent: Uint8Array.of(1, 0, 1),
  hash: "SHA-256",
});
const [pair, p384, ed25519, rsa, weak] = await Promise.all([
  keyPair({ name: "ECDSA", namedCurve: "P-256" }),
  keyPair({ name: "ECDSA", namedCurve: "P-384" }),
  keyPair({ name: "Ed25519" }),
  keyPair(rsaOf(2048)),
  keyPair(rsaOf(1024)),
]);
/** As `supabase gen signing-key` writes them: without what WebCrypto adds. */
const jwkOf = (
  { ext: _, key_ops: __, ...key }: JsonWebKey,
  more: object = { kid: "4d1f3b2c", alg: "ES256" },
) => ({ ...key, ...more });
const jwk = jwkOf(pair.privateKey);
const JWK = JSON.stringify(jwk);
const PEM = `-----BEGIN PRIVATE KEY-----\n${
  Buffer.from(pair.pkcs8).toString("base64")
}\n-----END PRIVATE KEY-----\n`;

const legacyKey = (role: string) =>
  ["eyJhbGciOiJIUzI1NiJ9", Buffer.from(JSON.stringify({ role })).toString("base64url"), "c2ln"]
    .join(".");
const ANON = legacyKey("anon");
const SERVICE = legacyKey("service_role");

/** What the options hold, or what the refusal says. */
type Outcome = RegExp | ((options: ConfiguredProxyOptions) => void);
interface Spelling {
  readonly variable: string;
  readonly value: string;
  readonly outcome: Outcome;
  /** Other variables that stand beside it. `undefined`: one of the usual ones is left out. */
  readonly beside?: Readonly<Record<string, string | undefined>>;
}

const spell = (
  variable: string,
  outcomes: readonly (readonly [value: string, outcome: Outcome])[],
  beside: Spelling["beside"] = {},
): Spelling[] => outcomes.map(([value, outcome]) => ({ variable, value, outcome, beside }));

const taken = () => {};
const url = (expected: string) => (options: ConfiguredProxyOptions) =>
  assert.equal(options.supabaseUrl, expected);
const member =
  (name: keyof ConfiguredProxyOptions, expected: unknown) => (options: ConfiguredProxyOptions) =>
    assert.deepEqual(options[name], expected);

const SPELLINGS: readonly Spelling[] = [
  ...spell("SUPABASE_URL", [
    [URL_, url(URL_)],
    [`${URL_}/`, url(URL_)],
    [` ${URL_}\n`, url(URL_)],
    [`"${URL_}"`, url(URL_)],
    [`'${URL_}/'`, url(URL_)],
    [URL_.toUpperCase(), url(URL_)],
    ["http://kong:8000", url("http://kong:8000")],
    ["http://127.0.0.1:54321", url("http://127.0.0.1:54321")],
    ["https://api.example.com", url("https://api.example.com")],
    [REF, /begin with "https:\/\/"/],
    [`${REF}.supabase.co`, /begin with "https:\/\/"/],
    [`http://${REF}.supabase.co`, /no more than/],
    [`${URL_}?x=1`, /without a query/],
    [`${URL_}/?x=1`, /without a query/],
    [`${URL_}/rest/v1`, /leave out "\/rest\/v1"/],
    [`${URL_}/functions/v1/rest`, /leave out "\/functions\/v1"/],
    [`https://supabase.com/dashboard/project/${REF}`, /dashboard/],
    [`postgresql://postgres:hunter2@db.${REF}.supabase.co/postgres`, /database/],
    [`https://db.${REF}.supabase.co`, /database/],
    [`https://user:hunter2@${REF}.supabase.co`, /without credentials/],
    ["https://<ref>.supabase.co", /such as/],
    ["", /is missing/],
    ["   ", /is missing/],
  ]),
  ...spell("COUNTERSIGN_UPSTREAM_URL", [
    ["http://postgrest:3000", member("upstreamUrl", "http://postgrest:3000")],
    ["http://postgrest:3000/", member("upstreamUrl", "http://postgrest:3000")],
    ["http://kong:8000/rest/v1", member("upstreamUrl", "http://kong:8000/rest/v1")],
    ["postgrest:3000", /such as/],
    ["http://postgrest:3000/?x", /without a query/],
    [URL_, /PostgREST's own URL/],
    [`${URL_}/`, /PostgREST's own URL/],
    ["", member("upstreamUrl", undefined)],
  ]),
  ...spell("COUNTERSIGN_DB_URL", [
    ["postgres://reader:hunter2@db.example.com/postgres", taken],
    ["'postgres://reader:hunter2@db.example.com:6543/postgres'", taken],
    [
      "postgresql://postgres.ref:hunter2@aws-0-eu.pooler.supabase.com:6543/postgres?pgbouncer=true",
      taken,
    ],
    ["postgres://reader:hunter%23@db.example.com/postgres", taken],
    ["postgres://reader@localhost/postgres", taken],
    ["postgres://reader:hunter2@[::1]:5432/postgres", taken],
    ["postgres://reader@localhost/postgres?host=/var/run/postgresql", taken],
    ["postgres://reader:hunter2#@db.example.com/postgres", /"#" is %23/],
    ["postgres://reader:hun@ter2/x@db.example.com/postgres", /"#" is %23, "%" is %25, "\/" is %2F/],
    ["postgres://reader:hunter2%@db.example.com/postgres", /"%" is %25/],
    [
      `postgresql://postgres:[YOUR-PASSWORD]@db.${REF}.supabase.co:5432/postgres`,
      /password in place/,
    ],
    ["mysql://reader:hunter2@db.example.com/postgres", /postgres:\/\//],
    ["db.example.com:5432", /postgres:\/\//],
    [URL_, /postgres:\/\//],
    ["host=db.example.com password=hunter2", /postgres:\/\//],
    ["postgres://db.example.com/postgres", /user/],
    ["postgres://reader:hunter2@db.example.com/postgres?sslmode=maybe", /sslmode/],
  ]),
  ...spell("COUNTERSIGN_DB_CA", [
    [AUTHORITY, taken],
    [AUTHORITY.replaceAll("\n", "\\n"), taken],
    [AUTHORITY.replaceAll("\n", "\r\n"), taken],
    [`"${AUTHORITY.replaceAll("\n", "\\n")}"`, taken],
    [Buffer.from(AUTHORITY).toString("base64"), taken],
    [`# prod\n${AUTHORITY}${AUTHORITY}`, taken],
    [`\ufeff${AUTHORITY}`, taken],
    ["./prod-ca-2021.crt", /from "-----BEGIN CERTIFICATE-----"/],
    [AUTHORITY.slice(0, -40), /damaged or cut short/],
    [AUTHORITY.replaceAll("CERTIFICATE", "PUBLIC KEY"), /found a block "PUBLIC KEY"/],
    [PEM, /private key/],
    ["MIIBoTCCAUegAwIBAgIU", /from "-----BEGIN CERTIFICATE-----"/],
  ]),
  ...spell("COUNTERSIGN_DB_LISTEN", [
    ["true", taken],
    ["TRUE", taken],
    ["False", taken],
    ["0", taken],
    ["off", taken],
    ["'no'", taken],
    ["maybe", /true or false/],
    ["truee", /true or false/],
  ]),
  ...spell("COUNTERSIGN_MAX_STALENESS", [
    ["5s", taken],
    ["5", taken],
    ["0.5s", taken],
    ["500ms", taken],
    ["2 s", taken],
    ["1m", taken],
    ["1min", taken],
    ["10m", taken],
    ["11m", /at most 10m/],
    ["5000", /at most 10m; a number without a unit is one of seconds/],
    ["0", /such as 500ms/],
    ["-5s", /such as 500ms/],
    ["5 seconds", /such as 500ms/],
    ["5S", /such as 500ms/],
    ["1e3", /such as 500ms/],
    ["5s10ms", /such as 500ms/],
    ["five", /such as 500ms/],
  ]),
  ...spell("COUNTERSIGN_UPSTREAM_TIMEOUT", [
    ["60s", member("upstreamTimeout", 60_000)],
    ["90", member("upstreamTimeout", 90_000)],
    ["60000ms", member("upstreamTimeout", 60_000)],
    ["60000", /a number without a unit is one of seconds/],
    ["infinity", /such as 500ms/],
  ]),
  ...spell("COUNTERSIGN_MAX_TOKEN_LIFETIME", [
    ["60", member("maxTokenLifetimeSec", 60)],
    ["5m", member("maxTokenLifetimeSec", 300)],
    ["1h", member("maxTokenLifetimeSec", 3_600)],
    ["1y", /such as 500ms/],
    ["999h", /at most 168h/],
  ]),
  ...spell("SUPABASE_PUBLISHABLE_KEYS", [
    ['{"default":"sb_publishable_1"}', member("apikey", "sb_publishable_1")],
    [
      '{"web":"sb_publishable_2","default":"sb_publishable_1"}',
      member("apikey", "sb_publishable_1"),
    ],
    ['{"web":"sb_publishable_2"}', member("apikey", "sb_publishable_2")],
    [`'{"default":"sb_publishable_1"}'`, member("apikey", "sb_publishable_1")],
    ['{\\"default\\":\\"sb_publishable_1\\"}', member("apikey", "sb_publishable_1")],
    ["sb_publishable_1", member("apikey", "sb_publishable_1")],
    [ANON, member("apikey", ANON)],
    ['{"default":"sb_secret_hunter2"}', /found a secret one/],
    ["sb_secret_hunter2", /found a secret one/],
    [SERVICE, /found a secret one/],
    ['["sb_publishable_1"]', /JSON object/],
    ['[{"name":"default","api_key":"sb_publishable_1"}]', /JSON object/],
    ['{"default":1}', /JSON object/],
    ["{}", /at least one key/],
    ["{default: sb_publishable_1}", /JSON/],
    ['{"default":"sb_publishable_1 \\u00e9"}', /printable/],
  ]),
  ...spell("SUPABASE_ANON_KEY", [
    [ANON, member("apikey", ANON)],
    [`"${ANON}"`, member("apikey", ANON)],
    [SERVICE, /found a secret one/],
    ["", /is missing/],
  ], { SUPABASE_PUBLISHABLE_KEYS: undefined }),
  ...spell("SUPABASE_SECRET_KEYS", [
    ['{"default":"sb_secret_1"}', taken],
    ["sb_secret_1", taken],
    ['{"default":"sb_publishable_1"}', /found a publishable one/],
    ["[]", /JSON object/],
  ], { SUPABASE_DB_URL: undefined }),
  ...spell("SUPABASE_SERVICE_ROLE_KEY", [
    [SERVICE, taken],
    [ANON, /found a publishable one/],
    ["sb_publishable_1", /found a publishable one/],
  ], { SUPABASE_DB_URL: undefined }),
  ...spell("COUNTERSIGN_JWT_SECRET", [
    [SECRET, taken],
    [`${SECRET}\n`, taken],
    [`"${SECRET}"`, taken],
    ["super-secret-jwt-token-with-at-least-32-characters-long", taken],
    ["hunter2", /at least 32 bytes/],
    [ANON, /found a key that was signed with it/],
    [SERVICE, /found a key that was signed with it/],
    ["sb_secret_hunter2hunter2hunter2hunter2", /found an API key/],
    [JWK, /COUNTERSIGN_SIGNING_JWK/],
    [PEM, /PEM/],
  ]),
  ...spell("COUNTERSIGN_JWT_SECRET", [
    [Buffer.from(SECRET).toString("base64"), taken],
    [Buffer.from(SECRET).toString("base64url"), taken],
    [Buffer.from("hunter2").toString("base64"), /at least 32 bytes/],
    ["not base64, but long enough to be a secret", /base64/],
  ], { COUNTERSIGN_JWT_SECRET_IS_BASE64: "true" }),
  ...spell("JWT_SECRET", [
    [SECRET, taken],
    ["hunter2", /at least 32 bytes/],
  ], { COUNTERSIGN_JWT_SECRET: undefined }),
  ...spell("COUNTERSIGN_SIGNING_JWK", [
    [JWK, taken],
    [`'${JWK}'`, taken],
    [`[${JWK}]`, taken],
    [JSON.stringify([jwk], null, 2), taken],
    [JSON.stringify({ keys: [jwk] }), taken],
    [JSON.stringify(JWK), taken],
    [JWK.replaceAll('"', '\\"'), taken],
    [Buffer.from(JWK).toString("base64"), taken],
    [JSON.stringify(jwkOf(ed25519.privateKey, { kid: "1" })), taken],
    [JSON.stringify(jwkOf(rsa.privateKey, { kid: "1" })), taken],
    [JSON.stringify({ ...jwk, key_ops: ["sign"], use: "sig", ext: true }), taken],
    [JSON.stringify([jwk, jwk]), /found 2/],
    ["[]", /found 0/],
    [JSON.stringify(jwkOf(pair.publicKey)), /"d".*private/],
    [JSON.stringify(jwkOf(pair.privateKey, {})), /"kid"/],
    [JSON.stringify(jwkOf(p384.privateKey)), /EC P-256/],
    [JSON.stringify(jwkOf(weak.privateKey, { kid: "1" })), /2048 bits/],
    [JSON.stringify({ ...jwk, alg: "HS256" }), /"alg" ES256/],
    ['{"kty":"oct","k":"hunter2hunter2","kid":"1"}', /COUNTERSIGN_JWT_SECRET/],
    [PEM, /found PEM/],
    [SECRET, /JSON/],
    ["{kty: EC}", /JSON/],
    ["./signing_keys.json", /JSON/],
  ], { COUNTERSIGN_JWT_SECRET: undefined }),
  ...spell("COUNTERSIGN_AUDIENCE", [
    ["prod", member("audience", ["prod"])],
    [" prod , staging ,", member("audience", ["prod", "staging"])],
    ['"prod,staging"', member("audience", ["prod", "staging"])],
    [URL_, member("audience", [URL_])],
    ['["prod","staging"]', /without brackets/],
    ["prod\nstaging", /line breaks/],
    [",", /one name or more/],
    ["x".repeat(256), /at most 255/],
  ]),
  ...spell("COUNTERSIGN_ALLOWED_ISSUERS", [
    ["billing", member("allowedIssuers", ["billing"])],
    ["billing, crm", member("allowedIssuers", ["billing", "crm"])],
    ["['billing']", /without brackets/],
    [" , ", /one name or more/],
  ]),
  ...spell("COUNTERSIGN_REQUIRE_AUDIENCE", [
    ["true", member("requireAudience", true)],
    ["No", member("requireAudience", false)],
    ["required", /true or false/],
  ]),
  ...spell("COUNTERSIGN_SERVER_TIMING", [
    ["1", member("serverTiming", true)],
    ["enabled", /true or false/],
  ]),
  ...spell("COUNTERSIGN_REQUEST_HEADERS", [
    ["X-Tenant", member("requestHeaders", ["x-tenant"])],
    ["X-Tenant, User-Agent", member("requestHeaders", ["x-tenant", "user-agent"])],
    ["Authorization", /credentials/],
    ["X-Tenant,Cookie", /credentials/],
    ["Host", /one connection/],
    ["X-*", /names of headers/],
    ["X-Tenant: north", /names of headers/],
  ]),
  ...spell("COUNTERSIGN_RESPONSE_HEADERS", [
    ["Refresh", member("responseHeaders", ["refresh"])],
    ["Set-Cookie", /credentials/],
    ["Transfer-Encoding", /one connection/],
  ]),
  ...spell("COUNTERSIGN_MOUNT_PATH", [
    ["/functions/v1/db", member("mountPath", "/functions/v1/db")],
    ["/api/", member("mountPath", "/api/")],
    ["functions/v1/rest", /path of plain segments/],
    [`${URL_}/functions/v1/rest`, /path of plain segments/],
    ["/functions/v1/../rest", /path of plain segments/],
    ["/functions/v1/rest?x", /path of plain segments/],
    ["/functions v1", /path of plain segments/],
  ]),
  ...spell("COUNTERSIGN_GATEWAY_SECRET", [
    ["x".repeat(32), member("gatewaySecret", "x".repeat(32))],
    ["x".repeat(31), /32 visible/],
    [`${"x".repeat(16)} ${"x".repeat(16)}`, /32 visible/],
  ]),
  ...spell("PORT", [
    ["8000", taken],
    [" 9000 ", taken],
    ["65536", /from 0 to 65535/],
    ["tcp://10.0.0.1:8000", /from 0 to 65535/],
    ["-1", /from 0 to 65535/],
  ]),
  ...[
    "COUNTERSIGN_AUDIANCE",
    "COUNTERSIGN_ALLOWED_ISSUER",
    "COUNTERSIGN_DATABASE_URL",
    "COUNTERSIGN_SECRET",
  ]
    .flatMap((variable) => spell(variable, [["x", /not a variable of Countersign/]])),
];

Deno.test("the table of spellings is long", () => {
  assert.ok(SPELLINGS.length >= 150, `${SPELLINGS.length}`);
});

for (const { variable, value, outcome, beside } of SPELLINGS) {
  const shown = value.length > 60 ? `${value.slice(0, 57)}…` : value;
  Deno.test(`proxyOptionsFromEnv() judges ${variable}=${JSON.stringify(shown)}`, async () => {
    const env = Object.fromEntries(
      Object.entries({ ...HOSTED, ...beside, [variable]: value })
        .filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
    if (outcome instanceof RegExp) return assertRefused(env, variable, outcome);
    const options = proxyOptionsFromEnv(env);
    outcome(options);
    createJwtSwapProxy(options);
    assert.equal((await options.signer?.sign({ role: "anon" }))?.split(".").length, 3);
    await options.close();
  });
}

function assertRefused(env: Record<string, string>, variable: string, message: RegExp): void {
  // What is missing is reported under the name that the documents put first.
  const name = variable === "SUPABASE_ANON_KEY" && message.source === "is missing"
    ? "SUPABASE_PUBLISHABLE_KEYS"
    : variable;
  assert.throws(() => proxyOptionsFromEnv(env), (error) => {
    assert.ok(error instanceof ConfigurationError);
    assert.deepEqual(error.problems.map((problem) => problem.name), [name], error.message);
    assert.match(error.problems[0]?.message ?? "", message);
    assert.ok(!Deno.inspect(error).includes("hunter2"), "a value is repeated");
    return true;
  });
}

Deno.test("proxyOptionsFromEnv() judges every variable at once", () => {
  const wrong = Object.fromEntries(
    SPELLINGS.filter(({ outcome, beside }) =>
      outcome instanceof RegExp && Object.keys(beside ?? {}).length === 0
    ).reverse().map(({ variable, value }) => [variable, value]),
  );
  assert.throws(() => proxyOptionsFromEnv(wrong), (error) => {
    assert.ok(error instanceof ConfigurationError);
    const names = new Set(error.problems.map(({ name }) => name));
    for (const name of Object.keys(wrong)) {
      if (wrong[name]?.trim() !== "") assert.ok(names.has(name), name);
    }
    return true;
  });
});
