import { forward } from "./upstream/forward.ts";
import type { ProxySettings } from "./options/proxy_settings.ts";
import { UpstreamCalls } from "./upstream/upstream_calls.ts";

/** Milliseconds for which one answer about readiness serves everybody: the question needs no token. */
const READINESS_LIFETIME = 1_000;
/** Milliseconds that the upstream has to answer the question. */
const PROBE_TIMEOUT = 5_000;
/** Neither an issuer nor a function has this name; asking for it exercises the way to both. */
const PROBE = "countersign_readyz";

interface Readiness {
  readonly registry: "ok" | "unavailable";
  readonly upstream: "ok" | "unavailable";
}

/**
 * `/-/healthz` says that the process lives. `/-/readyz` says whether the registry can be read and whether
 * PostgREST accepts a token that this proxy signs.
 */
export function createHealth(
  settings: ProxySettings,
): (kind: "healthz" | "readyz", method: string) => Promise<Response> {
  let asked = -Infinity;
  let readiness: Promise<Readiness> | undefined;

  return async (kind, method) => {
    if (kind === "healthz") return json(method, 200, { status: "ok" });
    const now = settings.now();
    if (readiness === undefined || now < asked || now >= asked + READINESS_LIFETIME) {
      asked = now;
      readiness = probe(settings);
    }
    const found = await readiness;
    const ready = found.registry === "ok" && found.upstream === "ok";
    return json(method, ready ? 200 : 503, { status: ready ? "ready" : "not_ready", ...found });
  };
}

async function probe(settings: ProxySettings): Promise<Readiness> {
  const [registry, upstream] = await Promise.allSettled([
    (async () => await settings.keySource.find(PROBE))(),
    probeUpstream(settings),
  ]);
  return {
    registry: registry.status === "fulfilled" ? "ok" : "unavailable",
    upstream: upstream.status === "fulfilled" && upstream.value ? "ok" : "unavailable",
  };
}

/**
 * PostgREST looks at the token before it finds that there is no such function, and needs no database for
 * either, so its 404 says: the gateway takes our apikey, and our secret and clock are right.
 */
async function probeUpstream({ signer, forward: to, now }: ProxySettings): Promise<boolean> {
  const token = await signer.sign({ role: "anon", exp: Math.floor(now() / 1000) + 30 });
  const request = new Request("http://readyz.invalid/", {
    headers: { accept: "application/json" },
  });
  const response = await forward(request, `/rpc/${PROBE}`, token, {
    ...to,
    calls: new UpstreamCalls(PROBE_TIMEOUT),
  });
  await response.body?.cancel();
  return response.status < 500 && response.status !== 401 && response.status !== 403;
}

function json(method: string, status: number, body: Record<string, string>): Response {
  return new Response(method === "HEAD" ? null : JSON.stringify(body), {
    status,
    headers: {
      "content-type": "application/json; charset=utf-8",
      "cache-control": "no-store",
      ...(status === 503 && { "retry-after": "1" }),
    },
  });
}
