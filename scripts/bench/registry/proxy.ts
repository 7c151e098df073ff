/**
 * The proxy as a process that can be asked what it holds: Countersign on a real registry, around an
 * upstream that always answers the same, with its statements counted.
 *
 * `DATABASE_URL=… deno run -A --v8-flags=--expose-gc scripts/bench/registry/proxy.ts`; `GET /stats` answers in JSON.
 */
import {
  connectPostgres,
  createJwtSwapProxy,
  hs256Signer,
  postgresKeySource,
} from "@countersign/swap-proxy";
import type { KeySource } from "@countersign/verifier";

export type Handler = (request: Request) => Promise<Response>;

/** What `/stats` answers. Memory is bytes. */
export interface ProxyStats {
  readonly queries: number;
  readonly rss: number;
  /** What is in use once garbage is collected. */
  readonly heapLive: number;
}

if (import.meta.main) serve(Deno.env.get("DATABASE_URL") ?? "");

function serve(databaseUrl: string): void {
  const client = connectPostgres(databaseUrl);
  let queries = 0;
  const keySource = postgresKeySource({
    ...client,
    query(text, params) {
      queries++;
      return client.query(text, params);
    },
  });
  const handler = handlerOn(keySource);
  Deno.serve({ hostname: "127.0.0.1", port: 0 }, (request) => {
    if (!request.url.endsWith("/stats")) return handler(request);
    const { rss } = Deno.memoryUsage();
    const collect: unknown = Reflect.get(globalThis, "gc");
    if (typeof collect === "function") collect();
    const stats: ProxyStats = { queries, rss, heapLive: Deno.memoryUsage().heapUsed };
    return Response.json(stats);
  });
}

/** Around an upstream that answers `[]` at once. */
export function handlerOn(keySource: KeySource): Handler {
  return createJwtSwapProxy({
    supabaseUrl: "http://127.0.0.1",
    upstreamUrl: "http://127.0.0.1/rest/v1",
    signer: hs256Signer("s".repeat(32)),
    keySource,
    fetch: () =>
      Promise.resolve(new Response("[]", { headers: { "content-type": "application/json" } })),
  });
}
