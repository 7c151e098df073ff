import { makeIssuer, NOW, NOW_SEC, payloadOf, SECRET, TARGET } from "@countersign/fixture";
import { type KeySource, memoryKeySource } from "@countersign/verifier";
import assert from "node:assert/strict";
import { createJwtSwapProxy } from "./create_jwt_swap_proxy.ts";
import { ConfigurationError } from "./errors.ts";
import type { ProxyOptions } from "./options/proxy_options.ts";
import { assertRefused, harness, issuer, other } from "./fixtures/proxy_harness.ts";
import { fakeUpstream } from "./fixtures/upstream.ts";
import type { RefusalReason } from "./refusal/refusals.ts";

Deno.test("createJwtSwapProxy() forwards with a downstream token of its own", async () => {
  const proxy = harness();
  const inbound = await issuer.sign({ jti: "id-1", tenant: "t1", aud: TARGET });
  const response = await proxy.send(inbound, {
    method: "POST",
    body: "{}",
    headers: { "content-type": "application/json", prefer: "return=minimal", "x-evil": "1" },
  }, "/functions/v1/rest/v1/widgets?select=id&name=eq.a%20b");

  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), []);
  assert.equal(response.headers.get("countersign-request-id"), null);
  assert.deepEqual(proxy.events, []);

  const [seen] = proxy.upstream.seen;
  assert.equal(seen?.url, `${TARGET}/rest/v1/widgets?select=id&name=eq.a%20b`);
  assert.equal(seen?.method, "POST");
  const { authorization, ...headers } = Object.fromEntries(seen?.headers ?? []);
  assert.deepEqual(headers, {
    "accept-encoding": "identity",
    apikey: "sb_publishable_1",
    "content-type": "application/json",
    prefer: "return=minimal",
  });
  assert.notEqual(authorization, `Bearer ${inbound}`);
  assert.deepEqual(payloadOf(authorization ?? ""), {
    iss: "service-a",
    sub: "worker-1",
    aud: TARGET,
    role: "widgets_writer",
    exp: NOW_SEC + 30,
    jti: "id-1",
    tenant: "t1",
    countersign: { kid: issuer.record.keys[0]?.kid, jti: "id-1", iat: NOW_SEC },
  });
});

Deno.test("createJwtSwapProxy() refuses a request without a token, or with an invalid one", async () => {
  const proxy = harness();
  await assertRefused(proxy, await proxy.send(undefined), "token_missing");
  const token = await issuer.sign();
  for (const authorization of [`Bearer ${token}, Bearer ${token}`, `Basic ${token}`, token]) {
    const response = await proxy.send(undefined, { headers: { authorization } });
    await assertRefused(proxy, response, "credentials_invalid");
  }
  for (const authorization of ["", "Bearer", "Bearer  "]) {
    const response = await proxy.send(undefined, { headers: { authorization } });
    await assertRefused(proxy, response, "token_empty");
  }
  // Neither the query nor another header is a place for a token.
  const query = `?apikey=${token}&jwt=${token}&access_token=${token}`;
  const response = await proxy.send(undefined, {
    headers: { apikey: token, cookie: `token=${token}`, "x-authorization": `Bearer ${token}` },
  }, `/rest/v1/widgets${query}`);
  await assertRefused(proxy, response, "token_missing");

  assert.equal((await proxy.send(token)).status, 200);
});

Deno.test("createJwtSwapProxy() answers every verdict of the verifier from the table", async () => {
  const stranger = await makeIssuer("nobody-knows");
  const [head, payload, signature] = (await issuer.sign()).split(".");
  const forged = await other.sign({ iss: "service-a" }, { kid: issuer.record.keys[0]?.kid });
  const cases: readonly [RefusalReason, string][] = [
    ["malformed", "not-a-token"],
    ["malformed", `${head}.${payload}`],
    ["token_too_large", `${head}.${"a".repeat(9000)}.${signature}`],
    ["header_not_allowed", await issuer.sign({}, { alg: "none" })],
    ["unknown_issuer", await stranger.sign()],
    ["unknown_key", await issuer.sign({}, { kid: other.record.keys[0]?.kid })],
    ["bad_signature", forged],
    ["wrong_audience", await issuer.sign({ aud: "https://staging-xyz.supabase.co" })],
    ["expired", await issuer.sign({ iat: NOW_SEC - 100, exp: NOW_SEC - 40 })],
    ["not_yet_valid", await issuer.sign({ iat: NOW_SEC + 40, exp: NOW_SEC + 60 })],
    ["invalid_claims", await issuer.sign({ exp: String(NOW_SEC + 60) })],
    ["lifetime_too_long", await issuer.sign({ exp: NOW_SEC + 301 })],
    ["role_not_allowed", await issuer.sign({ role: "gadgets_writer" })],
    ["subject_not_allowed", await issuer.sign({ sub: crypto.randomUUID() })],
    ["claim_not_allowed", await issuer.sign({ app_metadata: {} })],
  ];
  for (const [reason, token] of cases) {
    const proxy = harness();
    await assertRefused(proxy, await proxy.send(token), reason);
    assert.ok(!JSON.stringify(proxy.events).includes(token), "the log holds the token");
  }
  assert.equal((await harness().send(await issuer.sign())).status, 200);
});

Deno.test("createJwtSwapProxy() treats the target's own token as an unknown issuer's", async () => {
  // Local Kong puts the anon JWT where a client sent no Authorization.
  const proxy = harness();
  const anon = await (await makeIssuer("supabase-demo")).sign({ role: "anon" });
  await assertRefused(proxy, await proxy.send(anon), "unknown_issuer");
  assert.equal((await proxy.send(await issuer.sign())).status, 200);
});

Deno.test("createJwtSwapProxy() answers byte-identically before the signature holds", async () => {
  const stranger = await makeIssuer("nobody-knows");
  const retired = memoryKeySource([{ ...issuer.record, isActive: false }]);
  const tokens: readonly [string, KeySource?][] = [
    [await stranger.sign()],
    [await issuer.sign({}, { kid: other.record.keys[0]?.kid })],
    [await other.sign({ iss: "service-a" }, { kid: issuer.record.keys[0]?.kid })],
    [await issuer.sign({ aud: "someone-else" })],
    [await issuer.sign(), retired],
  ];
  const answers = new Set<string>();
  for (const [token, keySource] of tokens) {
    const response = await harness(keySource && { keySource }).send(token);
    const headers = [...response.headers].filter(([name]) => name !== "countersign-request-id");
    answers.add(JSON.stringify([response.status, headers, await response.text()]));
  }
  assert.equal(answers.size, 1);
});

Deno.test("createJwtSwapProxy() answers 503 and says when to come back where the registry is down", async () => {
  const refused = Object.assign(new Error('password "hunter2" refused'), { code: "28P01" });
  const proxy = harness({ keySource: { find: () => Promise.reject(refused) } });
  const response = await proxy.send(await issuer.sign());
  assert.equal(response.headers.get("retry-after"), "1");
  await assertRefused(proxy, response, "registry_unavailable");
  const [event] = proxy.events;
  assert.ok(event?.type === "refused");
  assert.deepEqual([event.cause, event.alarm], ["28P01", true]);
  assert.match(event.hint ?? "", /COUNTERSIGN_DB_URL.*every 10 minutes/);
  assert.ok(!JSON.stringify(proxy.events).includes("hunter2"));
});

Deno.test("createJwtSwapProxy() refuses paths and methods that PostgREST does not have", async () => {
  const token = await issuer.sign();
  const proxy = harness();
  await assertRefused(proxy, await proxy.send(token, {}, "/restricted/widgets"), "path_not_found");
  await assertRefused(proxy, await proxy.send(token, {}, "/rest/v1/a%2fb"), "path_not_found");
  for (const method of ["PROPFIND", "COPY", "QUERY"]) {
    const response = await proxy.send(token, { method });
    assert.match(response.headers.get("allow") ?? "", /^GET, HEAD, POST/);
    await assertRefused(proxy, response, "method_not_allowed");
  }
  assert.equal((await proxy.send(token, { method: "PATCH", body: "{}" })).status, 200);
});

Deno.test("createJwtSwapProxy() gives HEAD the headers without the body", async () => {
  const response = await harness().send(undefined, { method: "HEAD" });
  assert.equal(response.status, 401);
  assert.equal(response.headers.get("www-authenticate"), "Bearer");
  assert.equal(response.headers.get("content-type"), "application/json; charset=utf-8");
  assert.equal(await response.text(), "");
});

Deno.test("createJwtSwapProxy() needs a token for OPTIONS and answers no preflight itself", async () => {
  const proxy = harness();
  const init = {
    method: "OPTIONS",
    headers: { origin: "https://evil.example", "access-control-request-method": "POST" },
  };
  await assertRefused(proxy, await proxy.send(undefined, init), "token_missing");
  const response = await proxy.send(await issuer.sign(), init);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("access-control-allow-origin"), null);
});

Deno.test("createJwtSwapProxy() reports what observe mode let through, under the answer's id", async () => {
  const watched = await makeIssuer("service-c", { mode: "observe" });
  const proxy = harness({ keySource: memoryKeySource([watched.record]) });
  const response = await proxy.send(await watched.sign({ role: "gadgets_writer" }));
  assert.equal(response.status, 200);
  const [event] = proxy.events;
  assert.ok(event?.type === "observed");
  assert.equal(event.issuer, "service-c");
  assert.equal(event.kid, watched.record.keys[0]?.kid);
  assert.deepEqual(event.refusals.map(({ reason }) => reason), ["role_not_allowed"]);
  assert.equal(event.requestId, response.headers.get("countersign-request-id"));
  const token = proxy.upstream.seen[0]?.headers.get("authorization") ?? "";
  assert.equal(payloadOf(token).role, "widgets_writer");
});

Deno.test("createJwtSwapProxy() takes over the platform's request id, if it is one", async () => {
  const idFor = async (id: string) => {
    const response = await harness().send(undefined, { headers: { "sb-request-id": id } });
    return response.headers.get("countersign-request-id") ?? "";
  };
  assert.equal(await idFor("0199c2f2-7d53-7b3a"), "0199c2f2-7d53-7b3a");
  for (const id of ["", "short", "a".repeat(65), "<script>alert(1)</script>", "a b c d e f"]) {
    const given = await idFor(id);
    assert.notEqual(given, id);
    assert.match(given, /^[0-9a-f-]{36}$/);
  }
});

Deno.test("createJwtSwapProxy() checks the audience by default: ref and URL, not another target's", async () => {
  for (const aud of [TARGET, `${TARGET}/`, "prod-abc123", ["x", TARGET]]) {
    assert.equal((await harness().send(await issuer.sign({ aud }))).status, 200, String(aud));
  }
  const proxy = harness();
  for (const aud of ["staging-xyz", `${TARGET}.evil.example`, "prod-abc12", [], ["x"]]) {
    const response = await proxy.send(await issuer.sign({ aud }));
    assert.equal(response.status, 401, String(aud));
  }
  const strict = harness({ requireAudience: true });
  await assertRefused(strict, await strict.send(await issuer.sign()), "wrong_audience");
});

Deno.test("createJwtSwapProxy() holds to what its options say, and not to the defaults", async () => {
  const named = harness({ audience: "prod", clockToleranceSec: 0 });
  await assertRefused(
    named,
    await named.send(await issuer.sign({ aud: TARGET })),
    "wrong_audience",
  );
  assert.equal((await named.send(await issuer.sign({ aud: "prod" }))).status, 200);
  const early = harness({ clockToleranceSec: 0 });
  const soon = await issuer.sign({ iat: NOW_SEC + 3, exp: NOW_SEC + 60 });
  await assertRefused(early, await early.send(soon), "not_yet_valid");
  assert.equal((await harness().send(soon)).status, 200);
  const short = harness({ maxTokenLifetimeSec: 50 });
  await assertRefused(short, await short.send(await issuer.sign()), "lifetime_too_long");
  assert.equal((await harness({ maxTokenLifetimeSec: 55 }).send(await issuer.sign())).status, 200);
});

Deno.test("createJwtSwapProxy() gives the upstream the time that its options say", async () => {
  const hanging = fakeUpstream(({ init }) =>
    new Promise((_, reject) => {
      init.signal?.addEventListener("abort", () => reject(init.signal?.reason));
    })
  );
  const response = await harness({ upstreamTimeout: 5 }, hanging).send(await issuer.sign());
  assert.equal(response.status, 504);
});

Deno.test("createJwtSwapProxy() passes the headers that its options name", async () => {
  const upstream = fakeUpstream(() =>
    Response.json([], { headers: { refresh: "5", server: "x" } })
  );
  const options = { requestHeaders: ["X-Tenant"], responseHeaders: ["Refresh"] };
  const proxy = harness(options, upstream);
  const response = await proxy.send(await issuer.sign(), {
    headers: { "x-tenant": "north", "x-other": "1" },
  });
  assert.equal(response.headers.get("refresh"), "5");
  assert.equal(response.headers.get("server"), null);
  assert.equal(upstream.seen[0]?.headers.get("x-tenant"), "north");
  assert.equal(upstream.seen[0]?.headers.get("x-other"), null);
});

Deno.test("createJwtSwapProxy() holds to allowedIssuers", async () => {
  const proxy = harness({ allowedIssuers: ["service-b"] });
  await assertRefused(proxy, await proxy.send(await issuer.sign()), "issuer_not_allowed");
  assert.equal((await proxy.send(await other.sign({ role: "gadgets_writer" }))).status, 200);
});

Deno.test("createJwtSwapProxy() forgets a verified token as soon as its issuer changes", async () => {
  let record = issuer.record;
  const proxy = harness({ keySource: { find: () => record } });
  const token = await issuer.sign();
  assert.equal((await proxy.send(token)).status, 200);
  assert.equal((await proxy.send(token)).status, 200);
  assert.equal(
    proxy.upstream.seen[0]?.headers.get("authorization"),
    proxy.upstream.seen[1]?.headers.get("authorization"),
  );
  record = {
    ...record,
    policy: { ...record.policy, allowedRoles: ["reader"], defaultRole: null },
  };
  assert.equal((await proxy.send(token)).status, 403);
  record = { ...issuer.record, isActive: false };
  assert.equal((await proxy.send(token)).status, 401);
  record = { ...issuer.record, keys: [], revokedKids: [issuer.record.keys[0]?.kid ?? ""] };
  assert.equal((await proxy.send(token)).status, 401);
  assert.equal(proxy.upstream.seen.length, 2);
});

Deno.test("createJwtSwapProxy() lets no observer decide what a caller gets", async () => {
  const proxy = harness({
    onEvent: () => {
      throw new Error("the observer failed");
    },
  });
  assert.equal((await proxy.send(undefined)).status, 401);
});

Deno.test("createJwtSwapProxy() answers its own failures with 500 and without their message", async () => {
  const proxy = harness({
    signer: { sign: () => Promise.reject(new TypeError("key material: hunter2")) },
  });
  await assertRefused(proxy, await proxy.send(await issuer.sign()), "internal_error");
  const [event] = proxy.events;
  assert.ok(event?.type === "refused" && event.alarm);
  assert.match(event.stack ?? "", /^\s+at /);
  assert.ok(!JSON.stringify(event).includes("hunter2"));
});

Deno.test("createJwtSwapProxy() works with the seed's options alone", async () => {
  const registry = fakeUpstream((request) =>
    /\/rest\/v1\/jwt_(?:issuer|federation)_policies\?/.test(request.url)
      ? Response.json([])
      : Response.json({}, { status: 500 })
  );
  const handler = createJwtSwapProxy({
    supabaseUrl: TARGET,
    serviceRoleKey: "sb_secret_1",
    supabaseJwtSecret: SECRET,
    now: () => NOW,
    fetch: registry.fetch,
  });
  const headers = { authorization: `Bearer ${await issuer.sign()}` };
  const response = await handler(new Request("http://x/functions/v1/rest/widgets", { headers }));
  assert.equal(response.status, 401);
  assert.equal((await response.json()).code, "token_refused");
  assert.equal(registry.seen.length, 2, "Expected one read of issuers and one of providers");
});

Deno.test("createJwtSwapProxy() refuses options that cannot work, by name and all at once", () => {
  const keySource = memoryKeySource([]);
  const good = { supabaseUrl: TARGET, apikey: "k", supabaseJwtSecret: SECRET, keySource };
  createJwtSwapProxy(good);
  const { apikey: _, ...withoutApikey } = good;
  createJwtSwapProxy({ ...withoutApikey, upstreamUrl: "http://127.0.0.1:3000" });
  createJwtSwapProxy({ ...withoutApikey, serviceRoleKey: "sb_secret_1" });
  const { supabaseJwtSecret: __, ...withoutSecret } = good;
  const { keySource: ___, ...withoutSource } = good;
  const bad: readonly [string, ProxyOptions][] = [
    ["supabaseUrl", { ...good, supabaseUrl: "prod-abc123" }],
    ["supabaseUrl", { ...good, supabaseUrl: "https://user:pw@host" }],
    ["upstreamUrl", { ...good, upstreamUrl: "file:///etc/passwd" }],
    ["upstreamUrl", { ...good, upstreamUrl: "http://host/?x" }],
    ["mountPath", { ...good, mountPath: "rest" }],
    ["gatewaySecret", { ...good, gatewaySecret: "short" }],
    ["supabaseJwtSecret", { ...good, supabaseJwtSecret: "too short" }],
    ["upstreamTimeout", { ...good, upstreamTimeout: 0 }],
    ["upstreamTimeout", { ...good, upstreamTimeout: NaN }],
    ["upstreamTimeout", { ...good, upstreamTimeout: Infinity }],
    ["audience", { ...good, audience: [] }],
    ["audience", { ...good, audience: "" }],
    ["clockToleranceSec", { ...good, clockToleranceSec: 61 }],
    ["maxTokenLifetimeSec", { ...good, maxTokenLifetimeSec: 0 }],
    ["allowedIssuers", { ...good, allowedIssuers: [""] }],
    ["requestHeaders", { ...good, requestHeaders: ["authorization"] }],
    ["responseHeaders", { ...good, responseHeaders: ["set-cookie"] }],
    ["apikey", { ...good, apikey: "sb_publishable_\n1" }],
    ["serviceRoleKey", { ...withoutSource, serviceRoleKey: "a b" }],
    ["options", Object.assign({ audiance: "x" }, good)],
    ["keySource", Object.assign({}, good, { keySource: {} })],
    ["signer", Object.assign({}, good, { signer: "secret" })],
    ["fetch", Object.assign({}, good, { fetch: 1 })],
    ["now", Object.assign({}, good, { now: 1 })],
    ["onEvent", Object.assign({}, good, { onEvent: "log" })],
    ["serverTiming", Object.assign({}, good, { serverTiming: "yes" })],
    ["requireAudience", Object.assign({}, good, { requireAudience: "yes" })],
    ["signer", withoutSecret],
    ["keySource", withoutSource],
    ["apikey", withoutApikey],
  ];
  for (const [name, options] of bad) {
    assert.throws(
      () => createJwtSwapProxy(options),
      (error) =>
        error instanceof ConfigurationError && error.problems.length === 1 &&
        error.problems[0]?.name === name,
      name,
    );
  }
  const several = { ...good, supabaseUrl: "prod", mountPath: "rest", clockToleranceSec: 61 };
  assert.throws(() => createJwtSwapProxy(several), (error) => {
    assert.ok(error instanceof ConfigurationError);
    assert.deepEqual(error.problems.map(({ name }) => name), [
      "supabaseUrl",
      "clockToleranceSec",
      "mountPath",
    ]);
    return true;
  });
});
