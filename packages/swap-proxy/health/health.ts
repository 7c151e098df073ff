import { requestsShareWork } from "@countersign/verifier";
import type { ProxySettings } from "../options/proxy_settings.ts";
import { type Facts, factsOf } from "./facts.ts";
import type { GuardGate } from "./guard_gate.ts";
import { checkReadiness, type Readiness } from "./readiness.ts";
import type { RoleClaimGate } from "./role_claim_gate.ts";

/** Milliseconds for which one answer about readiness serves everybody: the question needs no token. */
const READINESS_LIFETIME = 1_000;

type Found = Readiness & { readonly facts: Facts };

/**
 * `/-/healthz` says that the process lives. `/-/readyz` says whether the registry can be read, and whether PostgREST
 * treats the tokens of this proxy as it must.
 */
export function createHealth(
  settings: ProxySettings,
  roleClaim: RoleClaimGate,
  guard: GuardGate,
): (kind: "healthz" | "readyz", method: string) => Promise<Response> {
  const check = checkReadiness(settings, roleClaim, guard);
  let last: { readonly at: number; readonly found: Found } | undefined;
  let pending: Promise<Found> | undefined;

  async function ask(at: number): Promise<Found> {
    const found = { ...await check(), facts: await factsOf(settings) };
    last = { at, found };
    return found;
  }

  async function found(): Promise<Found> {
    const now = settings.now();
    if (last !== undefined && now >= last.at && now < last.at + READINESS_LIFETIME) {
      return last.found;
    }
    if (!requestsShareWork()) return await ask(now);
    return await (pending ??= ask(now).finally(() => pending = undefined));
  }

  return async (kind, method) => {
    if (kind === "healthz") return json(method, 200, { status: "ok" });
    const readiness = await found();
    return json(method, readiness.status === "ready" ? 200 : 503, readiness);
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
