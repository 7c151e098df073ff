import type { ProxyOptions } from "./proxy_options.ts";

export function createJwtSwapProxy(
  _options: ProxyOptions,
): (request: Request) => Promise<Response> {
  return () => Promise.resolve(new Response(null, { status: 503 }));
}
