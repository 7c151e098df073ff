import { verifyMultiIssuerJwt } from "@countersign/verifier";
import { bearerToken } from "./request/bearer_token.ts";
import { createMinter } from "./downstream/downstream_token.ts";
import { SwapProxyError } from "./errors.ts";
import { forward } from "./upstream/forward.ts";
import { createHealth } from "./health.ts";
import { createRouter } from "./request/router.ts";
import type { ProxyOptions } from "./options/proxy_options.ts";
import { proxySettings } from "./options/proxy_settings.ts";
import { refusalResponse, REQUEST_ID_HEADER } from "./refusal/refusal_response.ts";
import { REFUSALS } from "./refusal/refusals.ts";
import { observedEvent, refusalReason, refusedEvent, tell } from "./events/report.ts";
import { requestId } from "./request/request_id.ts";
import { createSwapObserver, type Swap } from "./events/swap_observer.ts";

const METHODS = new Set(["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"]);

/**
 * Makes the handler that stands in front of PostgREST: it verifies the inbound token, holds it to its
 * issuer's policy, and forwards the request with a downstream token of its own. What it refuses, PostgREST
 * is never asked; what PostgREST refuses comes through as it is.
 *
 * Tells OpenTelemetry of every swap, through the providers that are registered when it is made; without
 * one it costs nothing.
 *
 * Serves `/`, `/<table>` and `/rpc/<function>` below the mount path, and `/-/healthz` and `/-/readyz`
 * there without a token.
 *
 * **Does not** answer CORS preflights by itself (its callers are backends; OPTIONS needs a token like
 * everything else), follow redirects, or buffer bodies.
 *
 * @param options The seed's `{supabaseUrl, serviceRoleKey, supabaseJwtSecret}`, or a `keySource`, a
 * `signer` and an `apikey`.
 * @returns A handler for `Deno.serve` and its like. It never rejects.
 * @throws {ConfigurationError} The options can't work.
 *
 * @example Refuse a request without a token
 * ```ts
 * import { createJwtSwapProxy } from "@countersign/swap-proxy";
 * import { memoryKeySource } from "@countersign/verifier";
 * import assert from "node:assert/strict";
 *
 * const handler = createJwtSwapProxy({
 *   supabaseUrl: "https://prod-abc123.supabase.co",
 *   apikey: "sb_publishable_…",
 *   supabaseJwtSecret: "a secret of at least thirty-two bytes",
 *   keySource: memoryKeySource([]),
 * });
 * const response = await handler(new Request("https://function.internal/rest/widgets"));
 * assert.equal(response.headers.get("www-authenticate"), "Bearer");
 * ```
 */
export function createJwtSwapProxy(
  options: ProxyOptions,
): (request: Request) => Promise<Response> {
  const settings = proxySettings(options);
  const route = createRouter(settings.mountPath);
  const mint = createMinter(settings.signer, settings.now);
  const health = createHealth(settings);
  const beginSwap = createSwapObserver(options.serverTiming ?? false);
  const { onEvent } = options;

  return async (request) => {
    let swap: Swap | undefined;
    try {
      const to = route(request.url);
      if (to === undefined) throw new SwapProxyError("path_not_found", "No such path");
      if (!METHODS.has(request.method)) {
        throw new SwapProxyError("method_not_allowed", "Not a method of PostgREST");
      }
      if (to.kind !== "upstream") return await health(to.kind, request.method);

      swap = beginSwap?.();
      const inbound = bearerToken(request.headers);
      const verified = await verifyMultiIssuerJwt(inbound, settings.verify);
      swap?.verified(verified);
      const minted = mint(verified);
      const token = typeof minted === "string" ? minted : await minted;
      swap?.signed();
      const response = await forward(request, to.pathAndQuery, token, settings.forward);
      swap?.answered(response);

      if (verified.observed.length > 0) {
        const id = requestId(request.headers);
        response.headers.set(REQUEST_ID_HEADER, id);
        if (onEvent) tell(onEvent, observedEvent(verified, id));
      }
      return response;
    } catch (error) {
      const id = requestId(request.headers);
      const reason = refusalReason(error);
      swap?.refused(error, reason);
      if (onEvent) tell(onEvent, refusedEvent(error, reason, id));
      return refusalResponse(REFUSALS[reason], request.method, id);
    }
  };
}
