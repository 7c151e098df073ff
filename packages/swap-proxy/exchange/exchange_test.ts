/** Token requests through the handler. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { NOW, NOW_SEC, payloadOf, SEAL_KEY, SECRET } from "@countersign/fixture";
import { type KeySource, memoryKeySource } from "@countersign/verifier";
import { canonicalJson } from "../downstream/canonical_json.ts";
import { jwkSigner } from "../downstream/jwk_signer.ts";
import {
  ASSERTION,
  AUDIENCE,
  billing,
  called,
  EXCHANGE,
  exchange,
  honest,
  issuers,
  JWT,
  provider,
  proxy,
  user,
} from "../fixtures/exchange_harness.ts";
import type { ProxyOptions } from "../options/proxy_options.ts";

Deno.test("a token is exchanged for one with the seal, iat, and the life of the policy", async () => {
  const target = proxy();
  const { response, body } = await target.ask(exchange(await billing.sign({ jti: "j" })));
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("cache-control"), "no-store");
  const { access_token, ...rest } = body;
  assert.deepEqual(rest, {
    issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
    token_type: "Bearer",
    expires_in: 600,
    scope: "widgets_writer",
  });
  const { countersign, ...claims } = payloadOf(access_token);
  assert.deepEqual(claims, {
    iss: "billing",
    sub: "worker-1",
    role: "widgets_writer",
    jti: "j",
    iat: NOW_SEC,
    exp: NOW_SEC + 600,
  });
  const { seal, ...mark } = countersign as Record<string, unknown>;
  assert.deepEqual(mark, { kid: billing.record.keys[0]?.kid, jti: "j", iat: NOW_SEC });
  const sealed = canonicalJson({ ...claims, countersign: mark });
  const key = Uint8Array.from(
    atob(SEAL_KEY.secret.replace(/-/g, "+").replace(/_/g, "/")),
    (c) => c.charCodeAt(0),
  );
  assert.equal(seal, `seal-1.${createHmac("sha256", key).update(sealed).digest("base64url")}`);
  assert.deepEqual(target.events, [{
    type: "exchanged",
    requestId: response.headers.get("countersign-request-id"),
    issuer: "billing",
    kid: mark.kid,
    role: "widgets_writer",
    expiresIn: 600,
  }]);
  assert.equal(target.upstream.seen.length, 0);
});

Deno.test("both grants, both token types and a provider's token work", async () => {
  const federated = provider.forge.token({});
  const forms: Record<string, string>[] = [
    { grant_type: ASSERTION, assertion: honest },
    { grant_type: ASSERTION, assertion: honest, client_id: "anything", unknown: "ignored" },
    exchange(honest, { requested_token_type: JWT }),
    exchange(honest, { scope: "", audience: "" }),
    exchange(federated, { subject_token_type: "urn:ietf:params:oauth:token-type:id_token" }),
  ];
  for (const form of forms) {
    const { response, body } = await proxy().ask(form);
    assert.equal(response.status, 200, JSON.stringify(body));
    assert.equal(payloadOf(body.access_token)["iss"], "billing");
  }
  const { body } = await proxy().ask(exchange(federated));
  assert.equal((payloadOf(body.access_token)["countersign"] as { rule: string }).rule, "deploy");
});

Deno.test("a Bearer token that a gateway put in the header decides nothing", async () => {
  const headers = { authorization: `Bearer ${user}` };
  const { response, body } = await proxy().ask(exchange(honest), { headers });
  assert.equal(response.status, 200);
  assert.equal(payloadOf(body.access_token)["iss"], "billing");
});

Deno.test("scope picks a role for a token that claims none, and audience one that it names", async () => {
  const free = await billing.sign({ role: undefined, aud: [AUDIENCE, "prod-abc123"] });
  const wanted: [Record<string, string>, string, unknown][] = [
    [{}, "widgets_reader", [AUDIENCE, "prod-abc123"]],
    [{ scope: "widgets_writer" }, "widgets_writer", [AUDIENCE, "prod-abc123"]],
    [{ audience: "prod-abc123" }, "widgets_reader", "prod-abc123"],
  ];
  for (const [wish, role, aud] of wanted) {
    const { body } = await proxy().ask(exchange(free, wish));
    const claims = payloadOf(body.access_token);
    assert.deepEqual([claims["role"], claims["aud"], body.scope], [role, aud, role]);
  }
  const { body } = await proxy().ask(exchange(honest, { audience: "prod-abc123" }));
  assert.equal(payloadOf(body.access_token)["aud"], "prod-abc123");
  const reserved = await proxy().ask(exchange(free, { scope: "postgres" }));
  assert.equal(reserved.body.error, "invalid_scope");
});

Deno.test("a token lives no longer than its key, the policy, 15 minutes and the target allow", async () => {
  const [key] = billing.record.keys;
  const cases: [number, number | null, Partial<ProxyOptions>, number][] = [
    [60, null, {}, 60],
    [900, null, {}, 900],
    [86_400, null, {}, 900],
    [600, NOW_SEC + 90, {}, 90],
    [600, null, { maxTokenLifetimeSec: 120 }, 120],
  ];
  for (const [maxExchangeLifetime, notAfter, options, life] of cases) {
    const record = {
      ...billing.record,
      policy: { ...billing.record.policy, maxExchangeLifetime },
      keys: [{ ...key!, notAfter }],
    };
    const keySource = memoryKeySource([record], { sealKey: SEAL_KEY });
    const { body } = await proxy({ keySource, ...options }).ask(exchange(honest));
    assert.deepEqual(
      [body.expires_in, payloadOf(body.access_token)["exp"]],
      [life, NOW_SEC + life],
    );
  }
});

Deno.test("nothing is exchanged where PostgREST does not call the guard", async () => {
  const rows = () => Response.json([], { headers: { "content-range": "*/*" } });
  const answers: [() => Response, Partial<KeySource>, RegExp][] = [
    [rows, { guardIsOn: () => Promise.resolve(false) }, /guard enable/],
    [rows, { guardIsOn: () => Promise.resolve(true) }, /not called/],
    [() => new Response(null, { status: 503 }), {}, /cannot be asked/],
    [rows, { guardIsOn: () => Promise.reject(new Error("gone")) }, /off/],
  ];
  for (const [guard, source, hint] of answers) {
    const target = proxy({}, { guard, source });
    const { response, body } = await target.ask(exchange(honest));
    assert.deepEqual(
      [response.status, body.error, body.code, response.headers.get("retry-after")],
      [503, "temporarily_unavailable", "guard_required", "1"],
    );
    const [event] = target.events;
    assert.ok(event?.type === "refused" && event.alarm);
    assert.match(event.hint ?? "", hint);
  }
});

Deno.test("however many exchange, PostgREST is asked for the guard once in 30 s, and once a second while it is off", async () => {
  let now = NOW;
  let guard = called;
  const target = proxy({ now: () => now }, { guard: () => guard() });
  const flood = async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => target.ask(exchange(honest))),
    );
    return new Set(answers.map(({ response }) => response.status));
  };
  assert.deepEqual(await flood(), new Set([200]));
  now += 29_000;
  assert.deepEqual(await flood(), new Set([200]));
  assert.equal(target.asked.length, 1);
  guard = () => Response.json([], { headers: { "content-range": "*/*" } });
  now += 1_000;
  const fresh = await target.ask(
    exchange(await billing.sign({ iat: NOW_SEC + 30, exp: NOW_SEC + 90 })),
  );
  assert.equal(fresh.response.status, 503);
  assert.deepEqual(await flood(), new Set([503]));
  assert.equal(target.asked.length, 2);
});

Deno.test("without a key to seal with nothing is exchanged", async () => {
  const records = issuers.map(({ record }) => record);
  for (const sealKey of [undefined, () => undefined]) {
    const keySource = { find: memoryKeySource(records).find, ...(sealKey && { sealKey }) };
    const { body } = await proxy({ keySource }).ask(exchange(honest));
    assert.deepEqual([body.code, body.error], ["registry_unavailable", "temporarily_unavailable"]);
  }
});

Deno.test("the proxy takes no exchanged token for an issuer's, whoever signed it", async () => {
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ]);
  const jwk = {
    ...await crypto.subtle.exportKey("jwk", pair.privateKey),
    kid: crypto.randomUUID(),
    alg: "ES256",
  };
  for (const options of [{ supabaseJwtSecret: SECRET }, { signer: jwkSigner(jwk) }]) {
    const target = proxy(options);
    const { body } = await target.ask(exchange(honest));
    assert.equal((await target.send(body.access_token)).status, 401);
    assert.equal((await target.ask(exchange(body.access_token))).response.status, 400);
    assert.equal(target.upstream.seen.length, 0);
    assert.equal((await target.send(honest)).status, 200);
  }
});

Deno.test("the metadata says where the endpoint is, whatever Host asks", async () => {
  const path = "/rest/-/.well-known/oauth-authorization-server";
  const at = async (options: Partial<ProxyOptions>) => {
    const response = await proxy(options).send(
      undefined,
      { headers: { host: "evil.example" } },
      path,
    );
    return await response.json();
  };
  assert.deepEqual(await at({}), {
    issuer: `${AUDIENCE}/functions/v1/rest/-`,
    token_endpoint: `${AUDIENCE}/functions/v1/rest/-/token`,
    grant_types_supported: [EXCHANGE, ASSERTION],
    response_types_supported: [],
    token_endpoint_auth_methods_supported: ["none"],
  });
  const elsewhere = await at({ publicUrl: "https://write.example.com/rest" });
  assert.equal(elsewhere.token_endpoint, "https://write.example.com/rest/-/token");
});
