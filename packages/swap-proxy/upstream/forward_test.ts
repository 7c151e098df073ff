import assert from "node:assert/strict";
import { fakeUpstream, type SeenRequest } from "../fixtures/upstream.ts";
import { forward, type ForwardSettings } from "./forward.ts";
import { REQUEST_HEADERS, RESPONSE_HEADERS } from "./forwarded_headers.ts";
import { UpstreamCalls } from "./upstream_calls.ts";

const SETTINGS: Omit<ForwardSettings, "fetch"> = {
  upstreamUrl: "https://ref.supabase.co/rest/v1",
  apikey: "sb_publishable_1",
  requestHeaders: [...REQUEST_HEADERS, "x-tenant"],
  responseHeaders: new Set([...RESPONSE_HEADERS, "refresh"]),
  calls: new UpstreamCalls(1_000),
};

function send(
  answer: (request: SeenRequest) => Response | Promise<Response>,
  init: RequestInit = {},
  settings: Partial<ForwardSettings> = {},
) {
  const upstream = fakeUpstream(answer);
  const request = new Request("http://edge.internal/rest/widgets", init);
  const answered = forward(request, "/widgets?a=1", "downstream", {
    ...SETTINGS,
    fetch: upstream.fetch,
    ...settings,
  });
  return { answered, seen: upstream.seen };
}

const ok = () => Response.json([]);

function stream(...chunks: string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(chunks).pipeThrough(new TextEncoderStream());
}

Deno.test("forward() passes on what PostgREST reads, and nothing else", async () => {
  const passed = {
    accept: "application/vnd.pgrst.object+json",
    "accept-profile": "api",
    "content-profile": "api",
    "content-type": "text/csv",
    prefer: "count=exact",
    range: "0-9",
    "range-unit": "items",
    "x-client-info": "supabase-js/2",
    "x-retry-count": "1",
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    tracestate: "vendor=1",
    baggage: "tenant=7",
    "x-tenant": "north",
  };
  const stopped = {
    "x-other": "1",
    "user-agent": "curl/8",
    apikey: "sb_secret_stolen",
    authorization: "Bearer inbound",
    "proxy-authorization": "Basic x",
    cookie: "a=b",
    "x-forwarded-for": "10.0.0.1",
    "x-forwarded-host": "evil.example",
    forwarded: "for=10.0.0.1",
    "cf-connecting-ip": "10.0.0.1",
    "x-http-method-override": "DELETE",
    "x-supabase-api-version": "x",
    "content-encoding": "gzip",
  };
  const { answered, seen } = send(ok, {
    method: "POST",
    body: "{}",
    headers: { ...passed, ...stopped },
  });
  await answered;
  assert.deepEqual(Object.fromEntries(seen[0]?.headers ?? []), {
    ...passed,
    authorization: "Bearer downstream",
    apikey: "sb_publishable_1",
    "accept-encoding": "identity",
  });
});

Deno.test("forward() lets Connection name no header away", async () => {
  const { answered, seen } = send(ok, {
    headers: { connection: "authorization, apikey, close", accept: "text/csv" },
  });
  await answered;
  const headers = Object.fromEntries(seen[0]?.headers ?? []);
  assert.equal(headers.authorization, "Bearer downstream");
  assert.equal(headers.apikey, "sb_publishable_1");
  assert.equal(headers.connection, undefined);
});

Deno.test("forward() sends no apikey to a PostgREST that is reached directly", async () => {
  const { answered, seen } = send(ok, {}, { apikey: undefined });
  await answered;
  assert.equal(seen[0]?.headers.has("apikey"), false);
});

Deno.test("forward() answers with PostgREST's own headers, and nothing else", async () => {
  const passed = {
    allow: "GET",
    "cache-control": "no-store",
    "content-location": "/widgets?a=1",
    "content-profile": "api",
    "content-range": "0-0/*",
    "content-type": "application/json; charset=utf-8",
    etag: '"1"',
    location: "/widgets?id=eq.1",
    "preference-applied": "return=minimal",
    "proxy-status": "PostgREST; error=PGRST116",
    "retry-after": "1",
    "server-timing": "jwt;dur=0.1",
    vary: "Accept",
    "content-disposition": 'attachment; filename="widgets.csv"',
    "content-language": "de",
    "x-rate-limit": "10",
    "x-request-id": "r1",
    refresh: "5",
    "www-authenticate": "Bearer",
  };
  const stopped = {
    "set-cookie": "a=b",
    "x-kong-upstream-latency": "1",
    "x-envoy-upstream-service-time": "1",
    "x-powered-by": "x",
    "x-forwarded-host": "x",
    "content-length": "999",
    "transfer-encoding": "chunked",
    connection: "close",
    server: "postgrest/12",
    "access-control-allow-origin": "*",
    "cf-ray": "x",
    "sb-gateway-version": "1",
  };
  const { answered } = send(() =>
    new Response("[]", { status: 406, headers: { ...passed, ...stopped } })
  );
  const response = await answered;
  assert.equal(response.status, 406);
  assert.deepEqual(Object.fromEntries(response.headers), passed);
  assert.equal(await response.text(), "[]");
});

Deno.test("forward() passes bodies on as streams and asks for no redirects", async () => {
  const body = stream("a", "b");
  const { answered, seen } = send(ok, { method: "POST", body });
  await answered;
  assert.equal(seen[0]?.init.redirect, "manual");
  assert.ok(seen[0]?.init.body instanceof ReadableStream);
  assert.equal(await new Response(seen[0].init.body).text(), "ab");

  const { answered: get, seen: seenGet } = send(ok);
  await get;
  assert.equal(seenGet[0]?.init.body, null);
});

Deno.test("forward() hands a redirect back instead of following it", async () => {
  const { answered, seen } = send(() =>
    new Response(null, { status: 307, headers: { location: "http://evil.example/" } })
  );
  const response = await answered;
  assert.equal(response.status, 307);
  assert.equal(response.headers.get("location"), "http://evil.example/");
  assert.equal(seen.length, 1);
});

Deno.test("forward() answers statuses without a body without one", async () => {
  for (const [status, passed] of [[204, 204], [205, 204], [304, 304]] as const) {
    const { answered } = send(() => new Response(null, { status }));
    const response = await answered;
    assert.equal(response.status, passed);
    assert.equal(response.body, null);
  }
});

/** What a constructor refuses to make, and a server can send all the same. */
function strange(status: number): Response {
  return Object.create(new Response("[]"), {
    status: { value: status },
    headers: { value: new Headers() },
    body: { value: null },
  });
}

Deno.test("forward() refuses a status that no answer can have, which SQL can set", async () => {
  for (const status of [0, 100, 199, 600, 999]) {
    await assert.rejects(send(() => strange(status)).answered, { code: "upstream_invalid" });
  }
  for (const status of [200, 299, 599]) {
    const { answered } = send(() => new Response("[]", { status }));
    assert.equal((await answered).status, status);
  }
});

Deno.test("forward() shows an encoding that fetch shows, and the first of two content types", async () => {
  const headers = new Headers({ "content-encoding": "gzip" });
  headers.append("content-type", "application/json; charset=utf-8");
  headers.append("content-type", "text/csv");
  const { answered } = send(() => new Response("[]", { headers }));
  const response = await answered;
  assert.equal(response.headers.get("content-encoding"), "gzip");
  assert.equal(response.headers.get("content-type"), "application/json; charset=utf-8");
  const plain = await send(() => new Response("[]", { headers: { "content-type": "a/b" } }))
    .answered;
  assert.equal(plain.headers.get("content-encoding"), null);
  assert.equal(plain.headers.get("content-type"), "a/b");
});

Deno.test("forward() answers HEAD with the length that GET would have, and never with 0 instead", async () => {
  const head = { method: "HEAD" };
  const known = send(() => new Response(null, { headers: { "content-length": "12" } }), head);
  assert.equal((await known.answered).headers.get("content-length"), "12");
  const unknown = await send(() => new Response(null), head).answered;
  assert.equal(unknown.headers.get("content-length"), null);
  // A server that sees no body writes "Content-Length: 0".
  assert.notEqual(unknown.body, null);
  assert.equal(await unknown.text(), "");
});

Deno.test("forward() breaks off an answer of 401 or 404 whose body does not come", async () => {
  const silent = () => new ReadableStream<Uint8Array>();
  for (const status of [401, 404]) {
    const aborting = (request: SeenRequest) => {
      const { signal } = request.init;
      const body = new ReadableStream<Uint8Array>({
        start: (controller) =>
          signal?.addEventListener("abort", () => controller.error(signal.reason)),
      });
      return new Response(body, { status });
    };
    const late = send(aborting, {}, { calls: new UpstreamCalls(5) });
    await assert.rejects(late.answered, { code: "upstream_timeout" });

    const client = new AbortController();
    const left = send(aborting, { signal: client.signal });
    setTimeout(() => client.abort(), 30);
    await assert.rejects(left.answered, { code: "client_closed" });
    assert.equal(left.seen[0]?.init.signal?.aborted, true);

    const reset = new ReadableStream({
      start: (controller) => controller.error(new TypeError("reset")),
    });
    const broken = send(() => new Response(reset, { status }));
    await assert.rejects(broken.answered, { code: "upstream_unreachable" });
  }
  // The twin: nobody waits for the body of another status.
  const { answered } = send(() => new Response(silent(), { status: 200 }));
  await (await answered).body?.cancel();
});

Deno.test("forward() tells a client that breaks its upload off from an upstream that fails", async () => {
  const failing = () =>
    new ReadableStream({
      pull: (controller) => controller.error(new TypeError("connection reset")),
    });
  const readAll = async ({ init }: SeenRequest) => {
    await new Response(init.body).arrayBuffer();
    return Response.json([]);
  };
  const lengths = [{}, { "content-length": "10" }, { "content-length": "65536" }, {
    "content-length": "65537",
  }, { "content-length": "5000000" }];
  for (const headers of lengths) {
    const left = send(readAll, { method: "POST", body: failing(), headers });
    await assert.rejects(left.answered, { code: "client_closed" }, JSON.stringify(headers));

    const refused = send(() => Promise.reject(new TypeError("connection reset")), {
      method: "POST",
      body: stream("{}"),
      headers,
    });
    await assert.rejects(refused.answered, { code: "upstream_unreachable" });
  }
});

Deno.test("forward() gives a small body that stops the time that everything has", async () => {
  const stopped = new ReadableStream<Uint8Array>();
  const init = { method: "POST", body: stopped, headers: { "content-length": "10" } };
  const { answered, seen } = send(ok, init, { calls: new UpstreamCalls(20) });
  await assert.rejects(answered, { code: "upstream_timeout" });
  assert.equal(seen.length, 0);
});

Deno.test("forward() replaces an empty 404, which postgrest-js would read as success", async () => {
  for (const empty of [null, "", stream(), stream("", "")]) {
    const { answered } = send(() => new Response(empty, { status: 404 }));
    await assert.rejects(answered, { code: "upstream_not_found" });
  }
  const twin = '{"code":"PGRST202","message":"…"}';
  for (const body of [twin, stream(twin.slice(0, 3), "", twin.slice(3))]) {
    const { answered } = send(() => new Response(body, { status: 404 }));
    const response = await answered;
    assert.equal(response.status, 404);
    assert.equal(await response.text(), twin);
  }
  const { answered } = send(() => new Response(null, { status: 404 }), { method: "HEAD" });
  assert.equal((await answered).status, 404);
});

Deno.test("forward() raises the alarm where PostgREST refuses our token", async () => {
  const rejections: readonly [string, Record<string, string>][] = [
    ['{"code":"PGRST301","details":null}', {}],
    ['{"code": "PGRST302","details":null}', { "www-authenticate": "Bearer" }],
    ['{"details":null,"code":"PGRST303"}', {
      "www-authenticate": 'Bearer error="invalid_token", error_description="JWT expired"',
    }],
    ["", { "proxy-status": "PostgREST; error=PGRST301" }],
  ];
  for (const [body, headers] of rejections) {
    const { answered } = send(() => new Response(body, { status: 401, headers }));
    const upstreamCode = /PGRST30\d/.exec(body + JSON.stringify(headers))?.[0];
    await assert.rejects(answered, { code: "downstream_token_rejected", upstreamCode }, body);
  }
});

Deno.test("forward() passes every other 401 through byte for byte", async () => {
  const twins: readonly [string, Record<string, string>][] = [
    // The guard's.
    ['{"code":"token_refused","message":"m","details":null,"hint":"h"}', {
      "www-authenticate": 'Bearer error="invalid_token"',
    }],
    ['{"code":"42501","details":null,"hint":null,"message":"permission denied"}', {
      "www-authenticate": "Bearer",
    }],
    ['{"code":"42501","message":"\\"code\\":\\"PGRST301\\""}', {}],
    ['{"code":"PGRST301"}', { "proxy-status": "PostgREST; error=42501" }],
    ["", {}],
  ];
  for (const [body, headers] of twins) {
    const { answered } = send(() => new Response(body, { status: 401, headers }));
    const response = await answered;
    assert.equal(response.status, 401);
    assert.equal(await response.text(), body);
    for (const [name, value] of Object.entries(headers)) {
      assert.equal(response.headers.get(name), value);
    }
  }
});

Deno.test("forward() tells refusal, time-out and a client that left apart", async () => {
  const refused = send(() => Promise.reject(new TypeError("connection refused")));
  await assert.rejects(refused.answered, { code: "upstream_unreachable" });

  const hang = (request: SeenRequest) =>
    new Promise<Response>((_, reject) => {
      const signal = request.init.signal;
      signal?.addEventListener("abort", () => reject(signal.reason));
    });
  const late = send(hang, {}, { calls: new UpstreamCalls(5) });
  await assert.rejects(late.answered, { code: "upstream_timeout" });
  assert.equal(late.seen[0]?.init.signal?.aborted, true);

  const client = new AbortController();
  const gone = send(hang, { signal: client.signal });
  client.abort();
  await assert.rejects(gone.answered, { code: "client_closed" });
  assert.equal(gone.seen[0]?.init.signal?.aborted, true);
});

Deno.test("forward() takes back its time-out and its ear for the client once there is a status", async () => {
  const client = new AbortController();
  const { answered, seen } = send(ok, { signal: client.signal }, { calls: new UpstreamCalls(20) });
  const response = await answered;
  client.abort();
  assert.equal(seen[0]?.init.signal?.aborted, false);
  assert.equal(await response.text(), "[]");
});
