import { makeIssuer, NOW, NOW_SEC, payloadOf, SECRET, TARGET } from "@countersign/fixture";
import type { IssuerRecord, KeySource } from "@countersign/verifier";
import assert from "node:assert/strict";
import { createJwtSwapProxy } from "../create_jwt_swap_proxy.ts";
import type { SwapEvent } from "../events/swap_event.ts";
import { fakeUpstream } from "../fixtures/upstream.ts";
import type { ProxyOptions } from "../options/proxy_options.ts";
import { type RefusalReason, REFUSALS } from "../refusal/refusals.ts";

const GATEWAY_SECRET = "0123456789abcdef0123456789abcdef";
const AUTHORIZE = "/functions/v1/rest/-/authorize";
const issuer = await makeIssuer("service-a");
const once = await makeIssuer("service-once", { singleUse: true });
const token = await issuer.sign();

function harness(options: Partial<ProxyOptions> = { gatewaySecret: GATEWAY_SECRET }) {
  const events: SwapEvent[] = [];
  const upstream = fakeUpstream();
  const records = new Map([issuer, once].map(({ record }) => [record.issuer, record]));
  const keySource: KeySource = { find: (name) => records.get(name), freshFor: () => 5_000 };
  const handler = createJwtSwapProxy({
    supabaseUrl: TARGET,
    apikey: "sb_publishable_1",
    supabaseJwtSecret: SECRET,
    keySource,
    now: () => NOW,
    fetch: upstream.fetch,
    onEvent: (event) => events.push(event),
    ...options,
  });
  return {
    events,
    upstream,
    put: (record: IssuerRecord) => records.set(record.issuer, record),
    ask(
      changes: Record<string, string | undefined> = {},
      path = AUTHORIZE,
      init: RequestInit = {},
    ) {
      const headers = new Headers();
      const all = {
        "countersign-gateway": GATEWAY_SECRET,
        "x-original-method": "POST",
        "x-original-uri": "/rest/v1/widgets?select=id",
        "authorization": `Bearer ${token}`,
        ...changes,
      };
      for (const [name, value] of Object.entries(all)) {
        if (value !== undefined) headers.set(name, value);
      }
      return handler(new Request(`http://edge.internal${path}`, { ...init, headers }));
    },
  };
}

/** Status, body, challenge and log together, and that no cache may keep it. */
async function assertRefused(
  { events, upstream }: ReturnType<typeof harness>,
  response: Response,
  reason: RefusalReason,
): Promise<void> {
  const { status, code, headers = {} } = REFUSALS[reason];
  const event = events.at(-1);
  assert.deepEqual(
    {
      status: response.status,
      code: (await response.json()).code,
      challenge: response.headers.get("www-authenticate"),
      cacheControl: response.headers.get("cache-control"),
      authorization: response.headers.get("authorization"),
      reason: event?.type === "refused" && event.reason,
      asked: upstream.seen.length,
    },
    {
      status,
      code,
      challenge: headers["www-authenticate"] ?? null,
      cacheControl: "no-store",
      authorization: null,
      reason,
      asked: 0,
    },
  );
}

Deno.test("/-/authorize is not there unless a gateway is configured and shows its secret", async () => {
  const off = harness({});
  await assertRefused(off, await off.ask(), "path_not_found");
  const on = harness();
  for (const secret of [undefined, "", "0123456789abcdef0123456789abcdeg"]) {
    const response = await on.ask({ "countersign-gateway": secret });
    await assertRefused(on, response, "gateway_not_allowed");
  }
  assert.equal((await on.ask()).status, 200);
});

Deno.test("/-/authorize answers with the downstream token, the path that was judged, and how long to keep it", async () => {
  const gateway = harness();
  const response = await gateway.ask();
  assert.deepEqual([response.status, await response.text()], [200, ""]);
  const { authorization = "", ...headers } = Object.fromEntries(response.headers);
  assert.deepEqual(headers, {
    "cache-control": "max-age=4, must-revalidate",
    "countersign-path": "/widgets?select=id",
    vary: "authorization, x-original-method, x-original-uri",
  });
  const claims = payloadOf(authorization.slice("Bearer ".length));
  assert.deepEqual([claims.iss, claims.role, claims.exp], [
    "service-a",
    "widgets_writer",
    NOW_SEC + 30,
  ]);
  assert.equal(gateway.upstream.seen.length, 0);
  assert.deepEqual(gateway.events, []);
});

Deno.test("/-/authorize judges the original path and method, not its own", async () => {
  const gateway = harness();
  const paths = [
    "/",
    "/auth/v1/admin/users",
    "/restful/v1/widgets",
    "//rest/v1/widgets",
    "/rest/v1//widgets",
    "/rest/v1/../../auth/v1/admin",
    "/rest/v1/%2e%2e/auth",
    "/rest/v1/a%2fb",
    "/rest/v1/a%5cb",
    "/rest/v1/widgets/",
    "/Rest/v1/widgets",
    "/rest/-/healthz",
    "/rest/-/authorize",
  ];
  for (const path of paths) {
    await assertRefused(gateway, await gateway.ask({ "x-original-uri": path }), "path_not_found");
  }
  for (const method of ["TRACE", "get", "POST, GET", "CONNECT", "GET GET"]) {
    const response = await gateway.ask({ "x-original-method": method });
    await assertRefused(gateway, response, "method_not_allowed");
  }
  const missing = await gateway.ask({ "x-original-uri": undefined });
  await assertRefused(gateway, missing, "gateway_request_invalid");

  for (const path of ["/rest/v1", "/rest/v1/", "/rest", "/functions/v1/rest/v1/"]) {
    const response = await gateway.ask({ "x-original-uri": path });
    assert.equal(response.headers.get("countersign-path"), "/", path);
  }
  for (const method of ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"]) {
    assert.equal((await gateway.ask({ "x-original-method": method })).status, 200, method);
  }
});

Deno.test("/-/authorize judges the token like every other request, and no cache keeps a refusal", async () => {
  const gateway = harness();
  const cases: readonly [RefusalReason, string | undefined][] = [
    ["token_missing", undefined],
    ["credentials_invalid", `Bearer ${token}, Bearer ${token}`],
    ["credentials_invalid", "Basic eA=="],
    ["malformed", "Bearer not-a-token"],
    ["token_too_large", `Bearer ${"a".repeat(8_200)}`],
    ["unknown_issuer", `Bearer ${await issuer.sign({ iss: "nobody" })}`],
    ["expired", `Bearer ${await issuer.sign({ iat: NOW_SEC - 100, exp: NOW_SEC - 40 })}`],
    ["role_not_allowed", `Bearer ${await issuer.sign({ role: "service_role" })}`],
  ];
  for (const [reason, authorization] of cases) {
    await assertRefused(gateway, await gateway.ask({ authorization }), reason);
  }
  assert.equal((await gateway.ask()).status, 200);
  gateway.put({ ...issuer.record, isActive: false });
  await assertRefused(gateway, await gateway.ask(), "inactive_issuer");
});

Deno.test("/-/authorize tells a gateway that hands refusals over no more than no, and reports nothing", async () => {
  const gateway = harness();
  const handover = { "countersign-handover": "true" };
  const refused = [
    { authorization: undefined },
    { authorization: "Bearer not-a-token" },
    { authorization: `Bearer ${await issuer.sign({ role: "service_role" })}` },
    { "x-original-uri": "/auth/v1" },
    { "x-original-method": "TRACE" },
    { "x-original-method": undefined },
  ];
  for (const changes of refused) {
    const response = await gateway.ask({ ...handover, ...changes });
    assert.deepEqual(
      [response.status, await response.text(), Object.fromEntries(response.headers)],
      [403, "", { "cache-control": "no-store" }],
    );
  }
  assert.deepEqual(gateway.events, []);
  assert.equal((await gateway.ask(handover)).status, 200);

  // No one else can keep a refusal out of the log.
  const stranger = await gateway.ask({ ...handover, "countersign-gateway": "guessed" });
  await assertRefused(gateway, stranger, "gateway_not_allowed");
  const client = await gateway.ask({ ...handover, authorization: undefined }, "/rest/v1/widgets");
  await assertRefused(gateway, client, "token_missing");
});

Deno.test("/-/authorize lets nothing be kept of a single-use token, nor of one about to expire", async () => {
  const gateway = harness();
  const kept = async (jwt: string) =>
    (await gateway.ask({ authorization: `Bearer ${jwt}` })).headers.get("cache-control");
  assert.equal(await kept(await once.sign({ jti: "1" })), "no-store");
  assert.equal(await kept(await issuer.sign({ iat: NOW_SEC - 59, exp: NOW_SEC + 1 })), "no-store");
  assert.equal(
    await kept(await issuer.sign({ iat: NOW_SEC - 57, exp: NOW_SEC + 3 })),
    "max-age=2, must-revalidate",
  );
});

Deno.test("/-/authorize takes the method and URI that Traefik sends", async () => {
  const gateway = harness();
  const response = await gateway.ask({
    "x-original-method": undefined,
    "x-original-uri": undefined,
    "x-forwarded-method": "GET",
    "x-forwarded-uri": "/rest/v1/widgets",
  });
  assert.equal(response.headers.get("countersign-path"), "/widgets");
  assert.equal(
    response.headers.get("vary"),
    "authorization, x-forwarded-method, x-forwarded-uri",
  );
});

Deno.test("/-/authorize takes the path that Envoy appends, and Envoy's own method", async () => {
  const gateway = harness();
  const named = { "x-original-method": undefined, "x-original-uri": undefined };
  const ask = (path: string, method = "GET") =>
    gateway.ask(named, `${AUTHORIZE}${path}`, { method });
  const response = await ask("/rest/v1/widgets?id=eq.1");
  assert.deepEqual(
    [response.status, response.headers.get("countersign-path"), response.headers.get("vary")],
    [200, "/widgets?id=eq.1", "authorization"],
  );
  await assertRefused(gateway, await ask("/auth/v1/admin"), "path_not_found");
  await assertRefused(gateway, await ask("/rest/v1/a%2fb"), "path_not_found");
  await assertRefused(gateway, await ask("/rest/v1/widgets", "PROPFIND"), "method_not_allowed");
  const stranger = await gateway.ask(
    { ...named, "countersign-gateway": undefined },
    `${AUTHORIZE}/rest/v1/widgets`,
  );
  await assertRefused(gateway, stranger, "gateway_not_allowed");
});

Deno.test("/-/authorize leaves a body unread", async () => {
  const gateway = harness();
  const body = new ReadableStream({
    pull() {
      throw new Error("the body was read");
    },
  }, { highWaterMark: 0 });
  assert.equal((await gateway.ask({}, AUTHORIZE, { method: "POST", body })).status, 200);
});
