import { memoryKeySource } from "@countersign/verifier";
import { createJwtSwapProxy } from "./create_jwt_swap_proxy.ts";
import { makeIssuer, NOW, SECRET, TARGET } from "@countersign/fixture";
import { recordTelemetry } from "./fixtures/telemetry_providers.ts";
import type { ProxyOptions } from "./options/proxy_options.ts";

const issuer = await makeIssuer("service-a");
const options: ProxyOptions = {
  supabaseUrl: TARGET,
  apikey: "sb_publishable_1",
  supabaseJwtSecret: SECRET,
  keySource: memoryKeySource([issuer.record]),
  now: () => NOW,
  // A constant upstream: what is measured is the proxy.
  fetch: () =>
    Promise.resolve(new Response("[]", { headers: { "content-type": "application/json" } })),
};
const handler = createJwtSwapProxy(options);
const timed = createJwtSwapProxy({ ...options, serverTiming: true });
const recorded = recordTelemetry();
const observed = createJwtSwapProxy(options);
recorded[Symbol.dispose]();

const url = "http://edge.internal/rest/v1/widgets?select=id";
const request = (token: string) =>
  new Request(url, { headers: { authorization: `Bearer ${token}` } });

const seen = await issuer.sign();
const fresh = await Promise.all(
  Array.from({ length: 5_000 }, (_, i) => issuer.sign({ jti: `${i}` })),
);
const forged = `${seen.slice(0, -4)}AAAA`;
let next = 0;

Deno.bench("new Request, for comparison", { group: "swap" }, () => {
  request(seen);
});
Deno.bench("token seen before", { group: "swap", baseline: true }, async () => {
  await (await handler(request(seen))).body?.cancel();
});
Deno.bench("token seen before, Server-Timing", { group: "swap" }, async () => {
  await (await timed(request(seen))).body?.cancel();
});
Deno.bench("token seen before, OpenTelemetry in memory", { group: "swap" }, async () => {
  await (await observed(request(seen))).body?.cancel();
  recorded.spans.length = recorded.counts.length = 0;
});
Deno.bench("fresh ES256 token", { group: "swap" }, async () => {
  await (await handler(request(fresh[next++ % fresh.length] ?? seen))).body?.cancel();
});
Deno.bench("forged token", { group: "swap" }, async () => {
  await (await handler(request(forged))).body?.cancel();
});
