/**
 * The closed unions of reasons and codes: each has an answer, an entry in the reference, and a
 * request that provokes it. The compiler requires an entry for every member; what is not reachable
 * over HTTP says why.
 */
import assert from "node:assert/strict";
import postgres from "postgres";
import {
  type FederationRule,
  JwtVerificationError,
  memoryKeySource,
  type ProviderRecord,
} from "@countersign/verifier";
import {
  createJwtSwapProxy,
  type ProxyOptions,
  proxyOptionsFromEnv,
  type RefusalReason,
  REFUSALS,
} from "@countersign/swap-proxy";
import {
  ANSWERS,
  assertRefused,
  inProcess,
  openStage,
  type RunningFunction,
  type Stage,
} from "@countersign/fixture/stage";
import { type Attempt, type Change, HttpConnection, TokenForge, until } from "@countersign/fixture";
import { makeProvider, makeRule } from "@countersign/fixture/federation";
import { KEY_ATTACKS } from "@countersign/fixture/attacks";
import { keyFor } from "@countersign/fixture";

const now = () => Math.floor(Date.now() / 1000);
const GATEWAY_SECRET = "a-secret-of-32-visible-characters";
const GET: Attempt = { method: "GET", path: "/rest/v1/widgets?limit=1" };

/** Sends what provokes a reason, and asserts that it did. */
type Provocation = (stage: Stage) => Promise<void>;

function byRequest(reason: RefusalReason, attempt: (stage: Stage) => Attempt): Provocation {
  return async (stage) => {
    assertRefused(await stage.send({ ...GET, ...attempt(stage) }), reason, stage.function);
  };
}

function byToken(reason: RefusalReason, change: (stage: Stage) => Change): Provocation {
  return byRequest(reason, (stage) => ({ token: stage.warehouse.token(change(stage)) }));
}

/** The reason comes from a function that is configured otherwise. */
function byFunction(
  reason: RefusalReason,
  env: Readonly<Record<string, string>>,
): Provocation {
  return async (stage) => {
    await using other = await inProcess.start({ ...stage.env, ...env });
    assertRefused(await stage.send(GET, other.origin), reason, other);
  };
}

/** A gateway asks, of a function that has one. */
function byGateway(reason: RefusalReason, headers: Readonly<Record<string, string>>): Provocation {
  return async (stage) => {
    const env = { ...stage.env, COUNTERSIGN_GATEWAY_SECRET: GATEWAY_SECRET };
    await using other = await inProcess.start(env);
    const attempt = { ...GET, path: "/rest/-/authorize", headers: Object.entries(headers) };
    assertRefused(await stage.send(attempt, other.origin), reason, other);
  };
}

function byUpstream(
  reason: RefusalReason,
  answer: () => Response | Promise<Response>,
): Provocation {
  return (stage) =>
    stage.upstream.answering(answer, async () => {
      assertRefused(await stage.send(GET), reason, stage.function);
    });
}

/** The reason comes from what the proxy's options hold: what no configuration and no request brings about. */
async function byOptions(
  stage: Stage,
  reason: RefusalReason,
  changes: Partial<ProxyOptions>,
  attempt: Attempt = GET,
): Promise<void> {
  const lines: string[] = [];
  const options = proxyOptionsFromEnv(stage.env);
  const handler = createJwtSwapProxy({
    ...options,
    ...changes,
    onEvent: (event) => lines.push(JSON.stringify(event)),
  });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
  try {
    const running: RunningFunction = {
      ...stage.function,
      printed: () => lines.join("\n"),
      logsAll: true,
    };
    const answer = await stage.send(attempt, `http://127.0.0.1:${server.addr.port}`);
    assertRefused(answer, reason, running);
    assert.doesNotMatch(answer.text + lines.join(), /the (signer|registry) failed/);
  } finally {
    await server.shutdown();
    await options.close();
  }
}

/** A provider's token, against rules that the registry would hold. */
function byProvider(
  reason: RefusalReason,
  rules: readonly FederationRule[],
  record: Partial<ProviderRecord> = {},
): Provocation {
  return async (stage) => {
    const provider = await makeProvider("https://ci.example.com", {
      rules,
      record,
      claims: { aud: "https://ref.supabase.co", repository_id: "74" },
    });
    const keySource = memoryKeySource([], { providers: [provider.record] });
    await byOptions(stage, reason, { keySource }, { ...GET, token: provider.forge.token() });
  };
}

/** The database takes Ed25519's neutral point, since it judges the form of a key; the verifier must not. */
async function unusableKey(stage: Stage): Promise<void> {
  const { attack, algorithm } = KEY_ATTACKS["the Ed25519 identity"]!;
  await stage.sql`
    insert into public.jwt_issuers (issuer, allowed_roles) values ('weak', '{widgets_writer}')`;
  const [row] = await stage.sql<{ kid: string }[]>`
    insert into public.jwt_public_keys (issuer, public_key, algorithm)
    values ('weak', ${attack}, ${algorithm}) returning kid`;
  const forge = new TokenForge(await keyFor("weak"), { role: "widgets_writer" });
  const token = forge.token({
    header: { alg: algorithm, kid: row!.kid },
    signature: () => new Uint8Array(64),
  });
  assertRefused(await stage.send({ ...GET, token }), "unusable_key", stage.function);
}

/** Nobody is there to read this answer; the log has the reason. */
async function clientClosed(stage: Stage): Promise<void> {
  const leave = new AbortController();
  const wait = (request: Request) => {
    // The proxy lets ten milliseconds pass before it watches its client at all.
    setTimeout(() => leave.abort(), 50);
    return new Promise<Response>((resolve) =>
      request.signal.addEventListener("abort", () => resolve(new Response(null)))
    );
  };
  await stage.upstream.answering(wait, async () => {
    const headers = { Authorization: `Bearer ${stage.warehouse.token()}` };
    const asked = fetch(stage.function.origin + GET.path, { headers, signal: leave.signal });
    await assert.rejects(asked, { name: "AbortError" });
    await until("the log has the reason", () => /"client_closed"/.test(stage.function.printed()));
  });
}

/** PostgREST reads the role from another claim, and a function starts. */
async function roleClaimIgnored(stage: Stage): Promise<void> {
  const superuser = postgres(stage.target.superuserUrl, { max: 1, onnotice: () => {} });
  const configure = async (change: string) => {
    await superuser.unsafe(`alter role authenticator ${change}`);
    await stage.target.postgrest.restart();
  };
  try {
    await configure("set pgrst.jwt_role_claim_key = '.app_role'");
    await using other = await inProcess.start(stage.env);
    assertRefused(await stage.send(GET, other.origin), "role_claim_ignored", other);
  } finally {
    await configure("reset pgrst.jwt_role_claim_key");
    await superuser.end();
  }
}

/** The registry has lost its keys, and a function starts. */
async function sealKeyMissing(stage: Stage): Promise<void> {
  const superuser = postgres(stage.target.superuserUrl, { max: 1, onnotice: () => {} });
  try {
    await superuser`delete from countersign.seal_keys where true`;
    await using other = await inProcess.start(stage.env);
    assertRefused(await stage.send(GET, other.origin), "seal_key_missing", other);
  } finally {
    await superuser`select countersign.rotate_seal()`;
    await superuser.end();
  }
}

const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";

/** A token request to a function that has just started, for an issuer whose tokens may be exchanged. */
function byTokenRequest(
  reason: RefusalReason,
  change: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
  lifetime: string | null = "5 minutes",
): Provocation {
  return async (stage) => {
    await stage.sql`
      update public.jwt_issuers set max_exchange_lifetime = ${lifetime}::interval where issuer = 'warehouse'`;
    await using other = await inProcess.start(stage.env);
    const body = String(
      new URLSearchParams({
        grant_type: EXCHANGE,
        subject_token: stage.warehouse.token(),
        subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
        ...change,
      }),
    );
    const lines = [
      "POST /rest/-/token HTTP/1.1",
      "Host: edge-runtime.internal",
      "Content-Type: application/x-www-form-urlencoded",
      `Content-Length: ${body.length}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ];
    using connection = await HttpConnection.open(other.origin);
    const answer = await connection.send([...lines, "", body].join("\r\n"));
    assertRefused(answer, reason, other);
  };
}

const PROVOKED: Readonly<Record<RefusalReason, Provocation>> = {
  host_invalid: byRequest("host_invalid", () => ({
    path: "/x",
    host: "x/rest/v1/widgets?select=id&",
  })),
  path_not_found: byRequest("path_not_found", () => ({ path: "/auth/v1/admin/users" })),
  method_not_allowed: byRequest("method_not_allowed", () => ({ method: "TRACE", body: "" })),
  gateway_not_allowed: byGateway("gateway_not_allowed", { "Countersign-Gateway": "guessed" }),
  gateway_request_invalid: byGateway("gateway_request_invalid", {
    "Countersign-Gateway": GATEWAY_SECRET,
  }),
  token_missing: byRequest("token_missing", () => ({ token: null })),
  token_empty: byRequest("token_empty", () => ({
    token: null,
    headers: [["Authorization", "Bearer"]],
  })),
  credentials_invalid: byRequest("credentials_invalid", () => ({
    token: null,
    headers: [["Authorization", "Basic eA=="]],
  })),
  token_too_large: byToken("token_too_large", () => ({ claims: { x: "x".repeat(8_192) } })),
  malformed: byRequest("malformed", () => ({ token: "malformed" })),
  header_not_allowed: byToken("header_not_allowed", () => ({ header: { crit: ["exp"] } })),
  issuer_not_allowed: byFunction("issuer_not_allowed", {
    COUNTERSIGN_ALLOWED_ISSUERS: "billing",
  }),
  unknown_issuer: byToken("unknown_issuer", () => ({ claims: { iss: "nobody" } })),
  inactive_issuer: byRequest("inactive_issuer", (stage) => ({ token: stage.closed.token() })),
  unknown_key: byToken("unknown_key", () => ({ header: { kid: "none" } })),
  revoked_key: byRequest("revoked_key", (stage) => ({ token: stage.revokedKey.token() })),
  key_not_current: byRequest("key_not_current", (stage) => ({ token: stage.retiredKey.token() })),
  algorithm_mismatch: byToken("algorithm_mismatch", () => ({ header: { alg: "RS512" } })),
  bad_signature: byToken("bad_signature", () => ({ signature: () => new Uint8Array(256) })),
  unusable_key: unusableKey,
  invalid_claims: byToken("invalid_claims", () => ({ claims: { exp: "soon" } })),
  expired: byToken("expired", () => ({ claims: { iat: now() - 90, exp: now() - 30 } })),
  not_yet_valid: byToken("not_yet_valid", () => ({ claims: { iat: now() + 30, exp: now() + 90 } })),
  lifetime_too_long: byToken("lifetime_too_long", () => ({ claims: { exp: now() + 86_400 } })),
  issued_before_cutoff: byRequest("issued_before_cutoff", (stage) => ({
    token: stage.strict.token({ claims: { iat: now() - 50, exp: now() + 10 } }),
  })),
  wrong_audience: byToken("wrong_audience", () => ({ claims: { aud: "staging" } })),
  role_not_allowed: byToken("role_not_allowed", () => ({ claims: { role: "service_role" } })),
  subject_not_allowed: byToken("subject_not_allowed", () => ({
    claims: { sub: "5f1ab1e0-0000-4000-8000-00000000cafe" },
  })),
  claim_not_allowed: byToken("claim_not_allowed", () => ({ claims: { email: "a@b.example" } })),
  rule_not_matched: byProvider("rule_not_matched", [makeRule({ conditions: { ref: "main" } })]),
  ambiguous_rule: byProvider("ambiguous_rule", [makeRule(), makeRule({ name: "other" })]),
  provider_unavailable: byProvider("provider_unavailable", [makeRule()], {
    keysFrom: "jwks_uri",
    jwksUri: "https://127.0.0.1:9/jwks",
  }),
  registry_unavailable: byFunction("registry_unavailable", {
    SUPABASE_DB_URL: "postgres://nobody:nothing@127.0.0.1:9/postgres",
  }),
  registry_overloaded: (stage) =>
    byOptions(stage, "registry_overloaded", {
      keySource: {
        find: () =>
          Promise.reject(new JwtVerificationError("registry_overloaded", "the registry failed")),
      },
    }),
  seal_key_missing: sealKeyMissing,
  upstream_unreachable: byFunction("upstream_unreachable", {
    COUNTERSIGN_UPSTREAM_URL: "http://127.0.0.1:9",
  }),
  upstream_timeout: byUpstream(
    "upstream_timeout",
    () => new Promise((resolve) => setTimeout(resolve, 1_200, new Response(null))),
  ),
  upstream_not_found: byUpstream("upstream_not_found", () => new Response(null, { status: 404 })),
  upstream_invalid: (stage) =>
    byOptions(stage, "upstream_invalid", {
      fetch: () => Promise.resolve(Object.create(new Response("[]"), { status: { value: 600 } })),
    }),
  downstream_token_rejected: byFunction("downstream_token_rejected", {
    COUNTERSIGN_JWT_SECRET: "a secret that PostgREST was never told of",
  }),
  role_claim_ignored: roleClaimIgnored,
  token_request_invalid: byTokenRequest("token_request_invalid", { assertion: "x" }),
  client_authentication_not_supported: byTokenRequest(
    "client_authentication_not_supported",
    {},
    { authorization: "Basic eDp5" },
  ),
  grant_type_not_supported: byTokenRequest("grant_type_not_supported", { grant_type: "password" }),
  scope_not_allowed: byTokenRequest("scope_not_allowed", { scope: "service_role" }),
  audience_not_allowed: byTokenRequest("audience_not_allowed", { audience: "staging" }),
  exchange_not_allowed: byTokenRequest("exchange_not_allowed", {}, {}, null),
  guard_required: byTokenRequest("guard_required", {}),
  client_closed: clientClosed,
  internal_error: (stage) =>
    byOptions(stage, "internal_error", {
      signer: { sign: () => Promise.reject(new Error("the signer failed")) },
    }),
};

const reasons = Object.keys(REFUSALS) as RefusalReason[];

Deno.test("every reason is answered as the design says, and something provokes it", async (t) => {
  await using stage = await openStage(inProcess);
  for (const reason of reasons) await t.step(reason, () => PROVOKED[reason](stage));
});

Deno.test("every reason has a row of its own in the table and in its independent copy", () => {
  assert.deepEqual(reasons.toSorted(), Object.keys(ANSWERS).toSorted());
  for (const reason of reasons) {
    const { status, code } = REFUSALS[reason];
    assert.deepEqual([status, code], [ANSWERS[reason].status, ANSWERS[reason].code], reason);
  }
});

Deno.test("every reason and every public code has an entry in the reference of errors", async () => {
  const reference = await Deno.readTextFile(
    new URL("../../../docs/reference/errors.md", import.meta.url),
  );
  const codes = Object.values(REFUSALS).map(({ code }) => code);
  const missing = [...new Set<string>([...reasons, ...codes])]
    .filter((code) => !reference.includes(`\`${code}\``));
  assert.deepEqual(missing, []);
});
