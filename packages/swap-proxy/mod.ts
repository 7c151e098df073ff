/**
 * The swap proxy: verifies an issuer's token against the registry, holds it to the issuer's policy, signs
 * the same claims again with a key that PostgREST trusts, and forwards the request.
 *
 * @example A target's proxy, with its registry in memory
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
 *
 * const response = await handler(new Request("https://prod-abc123.supabase.co/functions/v1/rest/widgets"));
 * assert.equal(response.status, 401);
 * assert.equal((await response.json()).code, "token_missing");
 * ```
 *
 * @module
 */
export { createJwtSwapProxy } from "./create_jwt_swap_proxy.ts";
export type { ConfiguredProxyOptions, ProxyOptions } from "./options/proxy_options.ts";
export { defaultAudience } from "./options/default_audience.ts";
export { proxyOptionsFromEnv } from "./options/proxy_options_from_env.ts";

export type { DownstreamSigner } from "./downstream/downstream_signer.ts";
export { hs256Signer } from "./downstream/hs256_signer.ts";
export { jwkSigner, type PrivateJwk } from "./downstream/jwk_signer.ts";

export {
  type PostgresKeySource,
  postgresKeySource,
  type PostgresKeySourceOptions,
} from "./registry/postgres_key_source.ts";
export {
  connectPostgres,
  type ConnectPostgresOptions,
  type DenoPostgresClient,
  type DenoPostgresPool,
  fromDenoPostgres,
  type FromDenoPostgresOptions,
  type PostgresClient,
  PostgresConnectionError,
  type PostgresConnectionErrorCode,
  type PostgresListener,
} from "@countersign/postgres";

export type {
  ExchangedEvent,
  ObservedEvent,
  ProviderEvent,
  RefusedEvent,
  SwapEvent,
} from "./events/swap_event.ts";
export type { TokenRejection } from "./upstream/token_rejection.ts";
export { type PublicCode, type Refusal, type RefusalReason, REFUSALS } from "./refusal/refusals.ts";
export {
  ConfigurationError,
  type ConfigurationProblem,
  type ProxyReason,
  SwapProxyError,
  type SwapProxyErrorCode,
  type SwapProxyErrorOptions,
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
  RegistryIdentity,
  SealKey,
  VerificationReason,
} from "@countersign/verifier";
