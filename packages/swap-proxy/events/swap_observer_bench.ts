import type { VerifyResult } from "@countersign/verifier";
import { makeIssuer } from "../fixtures/issuer.ts";
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

const off = createSwapObserver(false);
const timing = createSwapObserver(true);
const recorded = recordTelemetry();
const on = createSwapObserver(false);
recorded[Symbol.dispose]();

function follow(begin: typeof off): void {
  const swap = begin?.();
  swap?.verified(verified);
  swap?.signed();
  swap?.answered(response);
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
