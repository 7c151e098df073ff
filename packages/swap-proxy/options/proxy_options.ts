import type { KeySource, ProviderKeys } from "@countersign/verifier";
import type { DownstreamSigner } from "../downstream/downstream_signer.ts";
import type { SwapEvent } from "../events/swap_event.ts";

/** How the proxy reaches its registry and its upstream. Times are milliseconds. */
export interface ProxyOptions {
  /** The target, for example `https://ref.supabase.co`. */
  readonly supabaseUrl: string;
  /** Reads the registry over REST when there is no `keySource`. */
  readonly serviceRoleKey?: string;
  /** The target's JWT secret: signs downstream tokens when there is no `signer`. */
  readonly supabaseJwtSecret?: string;
  /** The only issuers to accept. Default: all registered ones. */
  readonly allowedIssuers?: readonly string[];
  /** Where the proxy is mounted; also matched without `/functions/v1`. Default: `/functions/v1/rest`. */
  readonly mountPath?: string;

  /**
   * Where callers reach the mount path, as the token endpoint's metadata says it. Default: `supabaseUrl` and the mount
   * path.
   */
  readonly publicUrl?: string;
  /** Where PostgREST is. Default: `<supabaseUrl>/rest/v1`. */
  readonly upstreamUrl?: string;
  /**
   * The project's publishable (or legacy anon) key. With neither this nor `upstreamUrl` the gateway gets
   * `serviceRoleKey`, because it asks for a key of the project; the role always comes from the downstream
   * token, but a publishable key is the better choice.
   */
  readonly apikey?: string;
  /** Where issuers are found. */
  readonly keySource?: KeySource;
  /** Where the keys of OIDC providers are found. Default: fetched from where the registry says. */
  readonly providerKeys?: ProviderKeys;
  /** Signs downstream tokens. */
  readonly signer?: DownstreamSigner;
  /**
   * Turns `/-/authorize` on, for a gateway that sends this secret in `Countersign-Gateway`: at least 32 visible ASCII
   * characters. Default: off.
   */
  readonly gatewaySecret?: string;
  /** What tokens call this target. Default: the project's ref and its URL. */
  readonly audience?: string | readonly string[];
  /** Whether a token without `aud` is refused. Default: false. */
  readonly requireAudience?: boolean;
  /** Seconds by which clocks may differ, 0 to 60. Default: 5. */
  readonly clockToleranceSec?: number;
  /** Most seconds from now to `exp`, whatever the issuer's policy allows. Default: as the policy says. */
  readonly maxTokenLifetimeSec?: number;
  /**
   * Idle timeout in milliseconds, until the upstream sends a status. Each part of an upload of 1 MB or more, or of
   * unknown length, starts it again. Default: 60,000.
   */
  readonly upstreamTimeout?: number;
  /** Names of further request headers that PostgREST gets. Default: none. */
  readonly requestHeaders?: readonly string[];
  /** Names of further headers of PostgREST's that the client gets. Default: none. */
  readonly responseHeaders?: readonly string[];
  /** How to reach PostgREST, the registry and OIDC providers. Default: the global `fetch`. */
  readonly fetch?: typeof fetch;
  /** The clock, in milliseconds since the epoch. Default: `Date.now`. */
  readonly now?: () => number;
  /** Whether PostgREST's answers get the proxy's phases in `Server-Timing`. Default: false. */
  readonly serverTiming?: boolean;
  /**
   * Receives every refusal, what observe mode let through, and changes of a provider's state. What it throws is ignored.
   */
  readonly onEvent?: (event: SwapEvent) => void;
}

/** What `proxyOptionsFromEnv` returns: options, and a way to close what they hold open. */
export interface ConfiguredProxyOptions extends ProxyOptions {
  /** Writes what the log still owes, and closes the connections to the registry. */
  close(): Promise<void>;
}
