import { type KeySource, memoryKeySource } from "@countersign/verifier";
import assert from "node:assert/strict";
import { createJwtSwapProxy } from "../create_jwt_swap_proxy.ts";
import { makeIssuer, NOW, SECRET, TARGET } from "@countersign/fixture";
import { recordTelemetry } from "../fixtures/telemetry_providers.ts";
import { fakeUpstream } from "../fixtures/upstream.ts";
import { postgresKeySource } from "../registry/postgres_key_source.ts";
import type { ProxyOptions } from "../options/proxy_options.ts";
import { createSwapObserver } from "./swap_observer.ts";
import { REFUSALS } from "../refusal/refusals.ts";
import type { SwapEvent } from "./swap_event.ts";
import { createTelemetry } from "./telemetry.ts";

const issuer = await makeIssuer("service-a");
const [{ kid } = { kid: "" }] = issuer.record.keys;

type Send = (token?: string, path?: string) => Promise<Response>;

function proxy(options: Partial<ProxyOptions> = {}, upstream = fakeUpstream()): Send {
  const keySource: KeySource = memoryKeySource([issuer.record]);
  const handler = createJwtSwapProxy({
    supabaseUrl: TARGET,
    apikey: "sb_publishable_1",
    supabaseJwtSecret: SECRET,
    keySource,
    now: () => NOW,
    fetch: upstream.fetch,
    ...options,
  });
  return (token, path = "/rest/v1/widgets?name=eq.customer-7") =>
    handler(
      new Request(`http://edge.internal${path}`, {
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      }),
    );
}

const forged = async (claims: Record<string, unknown>) =>
  `${(await issuer.sign(claims)).slice(0, -8)}AAAAAAAA`;

Deno.test("telemetry holds nothing unverified, secret or of the request's path", async () => {
  using recorded = recordTelemetry();
  const send = proxy();
  const tokens = [
    await forged({ sub: "attacker-sub", role: "attacker-role" }),
    await issuer.sign({ iss: "attacker-iss" }),
    await issuer.sign({}, { kid: "attacker-kid" }),
    await issuer.sign({ role: "attacker-role", sub: "attacker-sub" }),
    "attacker-token",
    await issuer.sign({ sub: "worker-7" }),
  ];
  for (const token of tokens) await (await send(token)).body?.cancel();
  const told = JSON.stringify([recorded.spans, recorded.counts]);
  for (const text of ["attacker", "worker-7", "customer-7", "widgets", SECRET, ...tokens]) {
    assert.equal(told.includes(text), false, text);
  }
  assert.equal(recorded.spans.length, tokens.length);
  assert.ok(recorded.spans.every(({ ended }) => ended));
});

Deno.test("telemetry counts an unregistered issuer as unknown", async () => {
  using recorded = recordTelemetry();
  const send = proxy();
  await send(await issuer.sign({ iss: "nobody" }));
  await send();
  await send(await forged({}));
  assert.deepEqual(
    recorded.counts.map(({ attributes }) => Object.values(attributes)),
    [
      ["unknown", "token_refused"],
      ["unknown", "token_missing"],
      ["service-a", "token_refused"],
    ],
  );
});

Deno.test("telemetry tells a thousand issuers apart, and no more", () => {
  using recorded = recordTelemetry();
  const telemetry = createTelemetry();
  for (let i = 0; i < 3_000; i++) {
    telemetry?.end(undefined, {
      issuer: `issuer-${i}`,
      kid: undefined,
      outcome: "answered",
      status: 200,
    });
  }
  const labels = recorded.counts.map(({ attributes }) => attributes["countersign.issuer"]);
  assert.equal(new Set(labels).size, 1_001);
  assert.equal(labels.at(-1), "other");
});

Deno.test("telemetry follows a swap through its phases", async () => {
  using recorded = recordTelemetry();
  const send = proxy();
  const token = await issuer.sign();
  await (await send(token)).body?.cancel();
  await (await send(token)).body?.cancel();
  assert.deepEqual(recorded.spans[0], {
    name: "countersign.swap",
    attributes: {
      "countersign.issuer": "service-a",
      "countersign.kid": kid,
      "countersign.outcome": "answered",
      "http.response.status_code": 200,
    },
    events: ["verified", "signed", "forwarded"],
    ended: true,
  });
  const cache = recorded.counts.filter(({ name }) => name === "countersign.verified_tokens");
  assert.deepEqual(cache.map(({ attributes }) => attributes["countersign.cache"]), ["miss", "hit"]);
});

Deno.test("telemetry says where a swap ended, for the operator", async () => {
  using recorded = recordTelemetry();
  const unreachable = fakeUpstream(() => Promise.reject(new TypeError("refused")));
  await proxy({}, unreachable)(await issuer.sign());
  assert.deepEqual(recorded.spans[0]?.attributes, {
    "countersign.issuer": "service-a",
    "countersign.kid": kid,
    "countersign.outcome": "upstream_unreachable",
    "countersign.reason": "upstream_unreachable",
    "http.response.status_code": 502,
  });
  assert.deepEqual(recorded.spans[0]?.events, ["verified", "signed"]);
});

Deno.test("telemetry notes nothing on a span that nobody records", async () => {
  using recorded = recordTelemetry({ recording: false });
  await proxy()(await issuer.sign());
  assert.deepEqual(recorded.spans[0]?.attributes, {});
  assert.deepEqual(recorded.spans[0]?.events, []);
});

Deno.test("telemetry that throws changes nothing for a caller", async () => {
  using _recorded = recordTelemetry({ failure: new Error("exporter broken") });
  const send = proxy();
  assert.equal((await send(await issuer.sign())).status, 200);
  assert.equal((await send()).status, 401);
});

Deno.test("createSwapObserver() reads no clock unless the operator wants timings", async () => {
  let reads = 0;
  const clock = () => ++reads;
  const request = new Request("http://edge.internal/rest/v1/widgets");
  for (const serverTiming of [false, true]) {
    const swap = createSwapObserver({ serverTiming, clock })(request);
    swap.routed();
    swap.minted();
    const response = swap.answered(new Response());
    await response.body?.cancel();
    assert.equal(reads > 0, serverTiming);
  }
});

Deno.test("createSwapObserver() keeps one id for the answer and the log", () => {
  const events: SwapEvent[] = [];
  const observe = createSwapObserver({ onEvent: (event) => events.push(event) });
  const swap = observe(new Request("http://edge.internal/rest/v1/widgets"));
  swap.refused(new Error("unexpected"), "internal_error", REFUSALS.internal_error);
  assert.equal(events[0]?.type === "refused" && events[0].requestId, swap.requestId);
});

Deno.test("createSwapObserver() reports the innermost cause and ends where causes go in a circle", () => {
  const events: SwapEvent[] = [];
  const observe = createSwapObserver({ onEvent: (event) => events.push(event) });
  const refused = (error: unknown) => {
    const swap = observe(new Request("http://edge.internal/"));
    swap.refused(error, "registry_unavailable", REFUSALS.registry_unavailable);
    const event = events.at(-1);
    return event?.type === "refused" ? event.cause : undefined;
  };
  const driver = Object.assign(new Error("password hunter2"), { code: "28P01" });
  assert.equal(refused(new Error("a", { cause: new TypeError("b", { cause: driver }) })), "28P01");
  assert.equal(refused(new Error("a", { cause: new TypeError("b") })), "TypeError");
  assert.equal(refused(new Error("a", { cause: Object.assign(driver, { code: "a b" }) })), "Error");
  assert.equal(refused(new Error("a")), undefined);
  assert.equal(refused("thrown text"), undefined);
  const circle = new RangeError("circle");
  circle.cause = circle;
  assert.equal(refused(circle), "RangeError");
});

Deno.test("postgresKeySource() shows the registry's age until it is closed", async () => {
  using recorded = recordTelemetry();
  let now = 10_000;
  const source = postgresKeySource({
    query: () => Promise.resolve([{ version: "1", policy: null }]),
    end: () => Promise.resolve(),
  }, { now: () => now });
  assert.deepEqual(recorded.collect(), [], "nothing was seen yet");
  await source.find("service-a");
  now += 1_500;
  assert.deepEqual(recorded.collect(), [1.5]);
  await source.close();
  assert.deepEqual(recorded.collect(), []);
});

Deno.test("Server-Timing is silent unless the operator wants it", async () => {
  const response = await proxy()(await issuer.sign());
  assert.equal(response.headers.get("server-timing"), null);
});

Deno.test("Server-Timing tells a caller nothing before the signature holds", async () => {
  const send = proxy({ serverTiming: true });
  for (const token of [undefined, await forged({}), await issuer.sign({ iss: "nobody" })]) {
    const response = await send(token);
    assert.equal(response.status, 401);
    assert.equal(response.headers.get("server-timing"), null);
  }
});

Deno.test("Server-Timing has the proxy's phases beside PostgREST's", async () => {
  const upstream = fakeUpstream(() =>
    Response.json([], { headers: { "server-timing": "jwt;dur=0.1, response;dur=2.0" } })
  );
  const response = await proxy({ serverTiming: true }, upstream)(await issuer.sign());
  const metrics = response.headers.get("server-timing")?.split(", ") ?? [];
  assert.deepEqual(metrics.slice(0, 2), ["jwt;dur=0.1", "response;dur=2.0"]);
  assert.deepEqual(metrics.slice(2).map((metric) => metric.replace(/\d+\.\d{2}$/, "…")), [
    "countersign;dur=…",
    "countersign-verify;dur=…",
    "countersign-sign;dur=…",
    "countersign-forward;dur=…",
  ]);
});
