import { verifyMultiIssuerJwt } from "@countersign/verifier";
import { bearerToken } from "./request/bearer_token.ts";
import { createMinter } from "./downstream/downstream_token.ts";
import { type Answer, createAuthorizer } from "./gateway/authorizer.ts";
import { notAllowed } from "./gateway/hand_over.ts";
import { createExchanger, type Exchange } from "./exchange/exchanger.ts";
import { metadata } from "./exchange/metadata.ts";
import { forward } from "./upstream/forward.ts";
import { GuardGate } from "./health/guard_gate.ts";
import { createHealth } from "./health/health.ts";
import { probeRoleClaim } from "./health/probe_role_claim.ts";
import { RoleClaimGate } from "./health/role_claim_gate.ts";
import { createRequestRouter } from "./request/request_router.ts";
import type { UpstreamRoute } from "./request/router.ts";
import type { ProxyOptions } from "./options/proxy_options.ts";
import { proxySettings } from "./options/proxy_settings.ts";
import { refusalResponse } from "./refusal/refusal_response.ts";
import { UniformRefusals } from "./refusal/uniform_refusals.ts";
import { refusalReason } from "./refusal/refusal_reason.ts";
import { observeProviders } from "./events/telemetry.ts";
import { createSwapObserver } from "./events/swap_observer.ts";

/** Names the federation rule that a provider's token has to match, where several do. */
const RULE_HEADER = "countersign-rule";

/**
 * Makes the handler that stands in front of PostgREST: it verifies the inbound token, holds it to its
 * issuer's policy, and forwards the request with a downstream token. Rejected requests never reach PostgREST;
 * PostgREST's own errors pass through unchanged.
 *
 * Reports every swap to the OpenTelemetry providers that are registered when it is made. Without a provider, no
 * spans or metrics are created.
 *
 * Serves `/`, `/<table>` and `/rpc/<function>` below the mount path, and `/-/healthz` and `/-/readyz`
 * there without a token. `/-/token` exchanges a token for one that goes straight to the platform, where the issuer's policy
 * allows it, and `/-/.well-known/oauth-authorization-server` describes it. With `gatewaySecret`, `/-/authorize` answers the operator's gateway instead of forwarding.
 *
 * **Does not** answer CORS preflights by itself (its callers are backends; OPTIONS needs a token like
 * everything else), follow redirects, or buffer bodies.
 *
 * @param options The seed's `{supabaseUrl, serviceRoleKey, supabaseJwtSecret}`, or a `keySource`, a
 * `signer` and an `apikey`.
 * @returns A handler for `Deno.serve` and its like. It never rejects.
 * @throws {ConfigurationError} The options cannot work.
 *
 * @example Refuse a request without a token
 * ```ts
 * import { createJwtSwapProxy } from "@countersign/swap-proxy";
 * import { memoryKeySource } from "@countersign/verifier";
 * import assert from "node:assert/strict";
 *
 * const handler = createJwtSwapProxy({
 *   supabaseUrl: "https://prod-abc123.supabase.co",
 *   apikey: "sb_publishable_0123456789",
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
  const route = createRequestRouter(settings.mountPath);
  const mint = createMinter(settings);
  const roleClaim = new RoleClaimGate(() => probeRoleClaim(settings), settings.now);
  const guard = new GuardGate(settings);
  const health = createHealth(settings, roleClaim, guard);
  const beginExchange = createExchanger(settings, roleClaim, guard);
  const gateway = createAuthorizer(settings, route);
  const forwarding = (request: Request, { pathAndQuery }: UpstreamRoute): Answer => (_, token) =>
    forward(request, pathAndQuery, token, settings.forward);
  const observe = createSwapObserver(options);
  observeProviders(() => settings.providerKeys.states?.() ?? []);
  const refusals = new UniformRefusals(settings);

  return async (request) => {
    const swap = observe(request);
    let handsOver = false;
    let exchange: Exchange | undefined;
    try {
      const to = route(request);
      if (to.kind === "healthz" || to.kind === "readyz") {
        return await health(to.kind, request.method);
      }
      if (to.kind === "metadata") return metadata(settings.publicUrl, request.method);
      const rule = request.headers.get(RULE_HEADER);
      const verify = rule === null ? settings.verify : { ...settings.verify, rule };
      if (to.kind === "token") {
        exchange = beginExchange();
        swap.routed("token");
        return await exchange.answer(request, verify, swap);
      }
      if (to.kind === "authorize") handsOver = gateway.admit(request.headers);
      const answer = to.kind === "authorize"
        ? gateway.judge(request, to.appended)
        : forwarding(request, to);
      swap.routed();

      const inbound = bearerToken(request.headers);
      const verified = await verifyMultiIssuerJwt(inbound, verify);
      swap.verified(verified);

      const passed = roleClaim.pass();
      if (passed !== undefined) await passed;
      const minted = mint(verified);
      const token = typeof minted === "string" ? minted : await minted;
      swap.minted();

      return swap.answered(await answer(verified, token));
    } catch (error) {
      const reason = refusalReason(error);
      if (handsOver) {
        swap.handedOver(reason);
        return notAllowed();
      }
      const refusal = await refusals.of(error, reason);
      swap.refused(error, reason, refusal);
      const context = { method: request.method, requestId: swap.requestId, error };
      return exchange?.refused(refusal, reason, context) ?? refusalResponse(refusal, context);
    }
  };
}
