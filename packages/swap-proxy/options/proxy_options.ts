import type { KeySource } from "@countersign/verifier";
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
  /** Only these issuers, whoever else is registered. */
  readonly allowedIssuers?: readonly string[];
  /** Where the proxy is mounted, default `/functions/v1/rest`; also matched without `/functions/v1`. */
  readonly mountPath?: string;

  /** Where PostgREST is, default `<supabaseUrl>/rest/v1`. */
  readonly upstreamUrl?: string;
  /**
   * The project's publishable (or legacy anon) key. With neither this nor `upstreamUrl` the gateway gets
   * `serviceRoleKey`, because it asks for a key of the project; the role always comes from the downstream
   * token, but a publishable key is the better choice.
   */
  readonly apikey?: string;
  /** Where issuers are found. */
  readonly keySource?: KeySource;
  /** Signs downstream tokens. */
  readonly signer?: DownstreamSigner;
  /** What tokens call this target, default the project's ref and its URL. */
  readonly audience?: string | readonly string[];
  /** Whether a token without `aud` is refused, default false. */
  readonly requireAudience?: boolean;
  /** Seconds by which clocks may differ, default 5. */
  readonly clockToleranceSec?: number;
  /**
   * Milliseconds in which nothing moves until the upstream has sent its status, default 60,000. A body of 1 MB or
   * more, or of unknown length, moves with each part that goes up.
   */
  readonly upstreamTimeout?: number;
  /** Default the global `fetch`. */
  readonly fetch?: typeof fetch;
  /** Milliseconds since the epoch, default `Date.now`. */
  readonly now?: () => number;
  /** Adds the proxy's phases to `Server-Timing` on answers of PostgREST's, default false. */
  readonly serverTiming?: boolean;
  /** Told of every refusal and of what observe mode let through. Must not throw. */
  readonly onEvent?: (event: SwapEvent) => void;
}
