import type { ProxySettings } from "../options/proxy_settings.ts";
import { type Facts, factsOf } from "./facts.ts";
import { checkReadiness, type Readiness } from "./readiness.ts";
import type { RoleClaimGate } from "./role_claim_gate.ts";

/** Milliseconds for which one answer about readiness serves everybody: the question needs no token. */
const READINESS_LIFETIME = 1_000;

/**
 * `/-/healthz` says that the process lives. `/-/readyz` says whether the registry can be read, and whether PostgREST
 * treats the tokens of this proxy as it must.
 */
export function createHealth(
  settings: ProxySettings,
  roleClaim: RoleClaimGate,
): (kind: "healthz" | "readyz", method: string) => Promise<Response> {
  const check = checkReadiness(settings, roleClaim);
  let asked = -Infinity;
  let readiness: Promise<Readiness & { readonly facts: Facts }> | undefined;

  return async (kind, method) => {
    if (kind === "healthz") return json(method, 200, { status: "ok" });
    const now = settings.now();
    if (readiness === undefined || now < asked || now >= asked + READINESS_LIFETIME) {
      asked = now;
      readiness = check().then(async (found) => ({ ...found, facts: await factsOf(settings) }));
    }
    const found = await readiness;
    return json(method, found.status === "ready" ? 200 : 503, found);
  };
}

function json(method: string, status: number, body: object): Response {
  return new Response(method === "HEAD" ? null : JSON.stringify(body), {
    status,
    headers: {
      "content-type": "application/json; charset=utf-8",
      "cache-control": "no-store",
      ...(status === 503 && { "retry-after": "1" }),
    },
  });
}
