import type { VerifyResult } from "@countersign/verifier";
import { makeIssuer } from "@countersign/fixture";
import { recordTelemetry } from "../fixtures/telemetry_providers.ts";
import { createSwapObserver } from "./swap_observer.ts";

const { record } = await makeIssuer("service-a");
const verified: VerifyResult = {
  claims: { iss: "service-a", iat: 1, exp: 2 },
  role: "widgets_writer",
  matchedKey: { issuer: "service-a", algorithm: "ES256", is_active: true, kid: "k" },
  record,
  observed: [],
};
const response = new Response();

const off = createSwapObserver({});
const timing = createSwapObserver({ serverTiming: true });
const recorded = recordTelemetry();
const on = createSwapObserver({});
recorded[Symbol.dispose]();

const request = new Request("http://edge.internal/rest/v1/widgets");

function follow(observe: typeof off): void {
  const swap = observe(request);
  swap.routed();
  swap.verified(verified);
  swap.minted();
  swap.answered(response);
}

Deno.bench("switched off", { group: "observer", baseline: true }, () => follow(off));
Deno.bench("Server-Timing", { group: "observer" }, () => {
  follow(timing);
  response.headers.delete("server-timing");
});
Deno.bench("OpenTelemetry in memory", { group: "observer" }, () => {
  follow(on);
  recorded.spans.length = recorded.counts.length = 0;
});
