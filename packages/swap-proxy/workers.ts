/**
 * The swap proxy for Workers: what `@countersign/swap-proxy` exports, without Postgres and its driver. The registry
 * is read over REST, because a Worker cannot keep a connection from one request to the next.
 *
 * @example A Worker in front of a project
 * ```ts
 * import { createJwtSwapProxy } from "@countersign/swap-proxy/workers";
 * import assert from "node:assert/strict";
 *
 * interface Bindings {
 *   readonly SUPABASE_URL: string;
 *   readonly SUPABASE_ANON_KEY: string;
 *   readonly SUPABASE_SERVICE_ROLE_KEY: string;
 *   readonly COUNTERSIGN_JWT_SECRET: string;
 * }
 * let proxy: ReturnType<typeof createJwtSwapProxy> | undefined;
 *
 * // The Worker: export default worker;
 * const worker = {
 *   fetch(request: Request, env: Bindings): Promise<Response> {
 *     proxy ??= createJwtSwapProxy({
 *       supabaseUrl: env.SUPABASE_URL,
 *       apikey: env.SUPABASE_ANON_KEY,
 *       serviceRoleKey: env.SUPABASE_SERVICE_ROLE_KEY,
 *       supabaseJwtSecret: env.COUNTERSIGN_JWT_SECRET,
 *       onEvent: (event) => console.warn(JSON.stringify(event)),
 *     });
 *     return proxy(request);
 *   },
 * };
 *
 * const response = await worker.fetch(new Request("https://proxy.example.com/rest/widgets"), {
 *   SUPABASE_URL: "https://prod-abc123.supabase.co",
 *   SUPABASE_ANON_KEY: "sb_publishable_abc",
 *   SUPABASE_SERVICE_ROLE_KEY: "sb_secret_abc",
 *   COUNTERSIGN_JWT_SECRET: "a secret of at least thirty-two bytes",
 * });
 * assert.equal(response.status, 401);
 * ```
 *
 * @module
 */
export { createJwtSwapProxy } from "./create_jwt_swap_proxy.ts";
export type { ProxyOptions } from "./options/proxy_options.ts";
export { defaultAudience } from "./options/default_audience.ts";

export type { DownstreamSigner } from "./downstream/downstream_signer.ts";
export { hs256Signer } from "./downstream/hs256_signer.ts";
export { jwkSigner, type PrivateJwk } from "./downstream/jwk_signer.ts";

export type {
  ExchangedEvent,
  ObservedEvent,
  ProviderEvent,
  RefusedEvent,
  SwapEvent,
} from "./events/swap_event.ts";
export { type PublicCode, type Refusal, type RefusalReason, REFUSALS } from "./refusal/refusals.ts";
export {
  ConfigurationError,
  type ConfigurationProblem,
  type ProxyReason,
  SwapProxyError,
  type SwapProxyErrorCode,
} from "./errors.ts";

export type {
  Algorithm,
  Condition,
  ConditionScalar,
  FederationRule,
  IssuerKey,
  IssuerPolicy,
  IssuerRecord,
  KeySource,
  PolicyRefusal,
  ProviderKey,
  ProviderKeys,
  ProviderRecord,
  ProviderState,
  SealKey,
  VerificationReason,
} from "@countersign/verifier";
