import assert from "node:assert/strict";
import { Gateway } from "./gateway.ts";
import { createProjectKeys } from "../keys/keys.ts";
import { type LocalTarget, startLocalTarget } from "../mod.ts";

/** PostgREST tells who asked, with which headers. */
const WHOAMI = `
  create function public.whoami(q text default null) returns json language sql stable as $$
    select json_build_object(
      'role', current_user,
      'query', q,
      'headers', current_setting('request.headers', true)::json)
  $$;
`;

let target: LocalTarget;
let handler: (request: Request) => Response | Promise<Response>;

Deno.test.beforeAll(async () => {
  target = await startLocalTarget({
    migrations: false,
    sql: [WHOAMI],
    functionHandler: (request) => handler(request),
  });
});

Deno.test.afterAll(() => target.stop());

interface Whoami {
  readonly role: string;
  readonly query: string | null;
  readonly headers: Record<string, string>;
}

async function whoami(headers: Record<string, string>, query = ""): Promise<Whoami> {
  const response = await fetch(`${target.restUrl}/rpc/whoami${query}`, { headers });
  assert.equal(response.status, 200);
  return await response.json();
}

async function refused(url: string, init: RequestInit, status: number): Promise<string> {
  const response = await fetch(url, init);
  const body = await response.json();
  assert.equal(response.status, status, JSON.stringify(body));
  return body.message;
}

/** What the function was handed. */
async function handed(path: string, init: RequestInit = {}): Promise<Request> {
  const { promise, resolve } = Promise.withResolvers<Request>();
  handler = (request) => {
    resolve(request);
    return new Response("done", { status: 201, headers: { "content-range": "0-0/1" } });
  };
  const response = await fetch(target.functionsUrl + path, init);
  assert.equal(response.status, 201);
  assert.equal(response.headers.get("content-range"), "0-0/1");
  assert.equal(await response.text(), "done");
  return await promise;
}

Deno.test("Gateway refuses /rest/v1 without a known apikey", async () => {
  const url = `${target.restUrl}/rpc/whoami`;
  assert.equal(await refused(url, {}, 401), "No API key found in request");
  const bearer = `Bearer ${target.serviceRoleKey}`;
  assert.equal(
    await refused(url, { headers: { authorization: bearer } }, 401),
    "No API key found in request",
  );
  for (const apikey of ["", "sb_secret_guessed", `${target.secretKey}x`, bearer]) {
    assert.equal(await refused(url, { headers: { apikey } }, 401), "Invalid API key");
  }
});

Deno.test("Gateway translates each apikey to the role that it stands for", async () => {
  for (
    const [apikey, role] of [
      [target.publishableKey, "anon"],
      [target.anonKey, "anon"],
      [target.secretKey, "service_role"],
      [target.serviceRoleKey, "service_role"],
    ] as const
  ) {
    assert.equal((await whoami({ apikey })).role, role);
    assert.equal((await whoami({ apikey, authorization: `Bearer ${apikey}` })).role, role);
  }
});

Deno.test("Gateway takes the apikey from the query, and keeps it from PostgREST", async () => {
  const { role, query } = await whoami({}, `?q=1&apikey=${target.secretKey}`);
  assert.equal(role, "service_role");
  assert.equal(query, "1");
});

Deno.test("Gateway hands the query to PostgREST byte for byte", async () => {
  const keys = createProjectKeys("a secret of at least thirty-two bytes");
  const gateway = new Gateway({ port: 0, keys, flavour: "hosted" });
  const upstream = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    ({ url }) => new Response(url),
  );
  try {
    const origin = `http://127.0.0.1:${upstream.addr.port}`;
    gateway.upstreams.postgrest = origin;
    const path = "/a%20b?select=*,c(d)&id=in.(1,%222%22)&e=+%2B";
    const headers = { apikey: keys.anonKey };
    const response = await fetch(`${gateway.url}/rest/v1${path}`, { headers });
    assert.equal(await response.text(), origin + path);
  } finally {
    await gateway.stop();
    await upstream.shutdown();
  }
});

Deno.test("Gateway takes an sb_ key as Authorization only if it equals apikey", async () => {
  const headers = { apikey: target.publishableKey, authorization: `Bearer ${target.secretKey}` };
  assert.equal(
    await refused(`${target.restUrl}/rpc/whoami`, { headers }, 401),
    "Invalid API key",
  );
  headers.authorization = `Bearer ${target.publishableKey}`;
  assert.equal((await whoami(headers)).role, "anon");
});

Deno.test("Gateway hands another Authorization to PostgREST as it came", async () => {
  const headers = {
    apikey: target.publishableKey,
    authorization: `Bearer ${target.serviceRoleKey}`,
  };
  assert.equal((await whoami(headers)).role, "service_role");
  headers.authorization = "Bearer not-a-token";
  const response = await fetch(`${target.restUrl}/rpc/whoami`, { headers });
  assert.equal(response.status, 401);
  assert.match(response.headers.get("www-authenticate") ?? "", /^Bearer error="invalid_token"/);
  assert.equal((await response.json()).code, "PGRST301");
});

Deno.test("Gateway refuses a secret key to a browser", async () => {
  const headers = { apikey: target.secretKey, "user-agent": "Mozilla/5.0 (X11; Linux x86_64)" };
  const message = "Forbidden use of secret API key in browser";
  assert.equal(await refused(`${target.restUrl}/rpc/whoami`, { headers }, 401), message);
  assert.equal(await refused(`${target.functionsUrl}/rest`, { headers }, 401), message);
  headers["user-agent"] = "node";
  assert.equal((await whoami(headers)).role, "service_role");
});

Deno.test("Gateway answers a browser's preflight without a key", async () => {
  const response = await fetch(`${target.restUrl}/rpc/whoami`, {
    method: "OPTIONS",
    headers: {
      origin: "https://app.example",
      "access-control-request-method": "GET",
      "access-control-request-headers": "apikey",
    },
  });
  await response.body?.cancel();
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("access-control-allow-origin"), "*");
});

Deno.test("Gateway tells upstream where the request came from, whatever the client claims", async () => {
  const { headers } = await whoami({
    apikey: target.publishableKey,
    "x-forwarded-for": "203.0.113.9",
    "x-forwarded-host": "attacker.example",
  });
  assert.equal(headers["x-forwarded-for"], "127.0.0.1");
  assert.equal(headers["x-forwarded-host"], "127.0.0.1");
  assert.equal(headers["x-forwarded-port"], new URL(target.url).port);
  assert.equal(headers["x-forwarded-proto"], "http");
  assert.equal(headers["x-forwarded-path"], "/rest/v1/rpc/whoami");
  assert.equal(headers.host, new URL(target.postgrestUrl).host);
});

Deno.test("Gateway answers 404 with a body for what it does not have", async () => {
  for (
    const path of ["/", "/auth/v1/user", "/storage/v1", "/rest", "/rest/v10", "/functions/v10"]
  ) {
    await refused(target.url + path, { headers: { apikey: target.secretKey } }, 404);
  }
  for (const path of ["", "/", "/other", "/restful/x"]) {
    assert.equal(
      await refused(target.functionsUrl + path, {}, 404),
      "Requested function was not found",
    );
  }
});

Deno.test("Gateway strips /functions/v1 and hides the public origin from the function", async () => {
  for (
    const [path, seen] of [
      ["/rest", "/rest"],
      ["/rest/v1/widgets?select=*&a=b%2Fc", "/rest/v1/widgets?select=*&a=b%2Fc"],
      ["/rest/a%2Fb", "/rest/a%2Fb"],
      ["/rest/x/../y", "/rest/y"],
    ] as const
  ) {
    const url = new URL((await handed(path)).url);
    assert.equal(url.pathname + url.search, seen);
    assert.equal(url.host, "edge-runtime.internal");
  }
});

Deno.test("Gateway hands method, headers and body to the function as they came", async () => {
  let body = "";
  handler = async (request) => {
    body = await request.text();
    return Response.json([request.method, request.headers.get("prefer")]);
  };
  const response = await fetch(`${target.functionsUrl}/rest/widgets`, {
    method: "PATCH",
    headers: { prefer: "return=minimal" },
    body: "a body",
  });
  assert.deepEqual(await response.json(), ["PATCH", "return=minimal"]);
  assert.equal(body, "a body");
});

Deno.test("Gateway of a hosted project leaves a function's Authorization alone", async () => {
  const apikey = target.publishableKey;
  assert.equal((await handed("/rest", { headers: { apikey } })).headers.get("authorization"), null);
  const authorization = `Bearer ${apikey}`;
  const { headers } = await handed("/rest", { headers: { apikey, authorization } });
  assert.equal(headers.get("authorization"), authorization);
});

Deno.test("Gateway aborts the function's request when the client leaves", async () => {
  const arrived = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<void>();
  handler = async ({ signal }) => {
    signal.addEventListener("abort", () => aborted.resolve());
    arrived.resolve();
    await aborted.promise;
    return new Response();
  };
  const client = new AbortController();
  const response = fetch(`${target.functionsUrl}/rest/slow`, { signal: client.signal });
  await arrived.promise;
  client.abort();
  await assert.rejects(response, { name: "AbortError" });
  await aborted.promise;
});
