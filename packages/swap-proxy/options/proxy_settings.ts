import {
  type KeySource,
  readProjectUrl,
  readServerUrl,
  restKeySource,
  VerifiedTokenCache,
} from "@countersign/verifier";
import type { VerifyOptions } from "@countersign/verifier";
import { defaultAudience } from "./default_audience.ts";
import type { DownstreamSigner } from "../downstream/downstream_signer.ts";
import { ConfigurationError } from "../errors.ts";
import { headerNames, REQUEST_HEADERS, RESPONSE_HEADERS } from "../upstream/forwarded_headers.ts";
import type { ForwardSettings } from "../upstream/forward.ts";
import { hs256Signer } from "../downstream/hs256_signer.ts";
import type { ProxyOptions } from "./proxy_options.ts";
import { UpstreamCalls } from "../upstream/upstream_calls.ts";

/** {@linkcode ProxyOptions} with every default in place, checked once. */
export interface ProxySettings {
  readonly mountPath: string;
  readonly keySource: KeySource;
  readonly verify: VerifyOptions & { readonly keySource: KeySource };
  readonly signer: DownstreamSigner;
  readonly forward: ForwardSettings;
  readonly now: () => number;
}

/** @throws {ConfigurationError} Something is missing or can't work. */
export function proxySettings(options: ProxyOptions): ProxySettings {
  const supabaseUrl = named("supabaseUrl", () => readProjectUrl(options.supabaseUrl));
  const { upstreamUrl = `${supabaseUrl}/rest/v1` } = options;
  const now = options.now ?? Date.now;
  const keySource = options.keySource ?? keySourceOverRest(options, now);
  return {
    mountPath: options.mountPath ?? "/functions/v1/rest",
    keySource,
    verify: {
      keySource,
      audience: options.audience ?? defaultAudience(new URL(supabaseUrl)),
      requireAudience: options.requireAudience ?? false,
      clockToleranceSec: options.clockToleranceSec ?? 5,
      cache: new VerifiedTokenCache(),
      now,
      ...(options.allowedIssuers && { allowedIssuers: options.allowedIssuers }),
    },
    signer: options.signer ?? signerWithSecret(options),
    forward: {
      upstreamUrl: named("upstreamUrl", () => readServerUrl(upstreamUrl)),
      apikey: apikey(options),
      requestHeaders: [...REQUEST_HEADERS, ...extraHeaders("requestHeaders", options)],
      responseHeaders: new Set([
        ...RESPONSE_HEADERS,
        ...extraHeaders("responseHeaders", options),
      ]),
      calls: new UpstreamCalls(upstreamTimeout(options)),
      // As a method of the options it would be called with them as `this`, which Workers refuse.
      fetch: options.fetch ?? ((input, init) => fetch(input, init)),
    },
    now,
  };
}

/** Reads the option under its own name. */
function named<Value>(name: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof TypeError) throw invalid(name, error.message);
    throw error;
  }
}

function extraHeaders(
  name: "requestHeaders" | "responseHeaders",
  options: ProxyOptions,
): readonly string[] {
  return named(name, () => headerNames(options[name] ?? []));
}

/** A longer one than a timer can be set to would be over at once. */
function upstreamTimeout({ upstreamTimeout = 60_000 }: ProxyOptions): number {
  if (upstreamTimeout > 0 && upstreamTimeout < 2 ** 31) return upstreamTimeout;
  throw invalid("upstreamTimeout", "must be a positive number of milliseconds, under 2^31");
}

function keySourceOverRest(options: ProxyOptions, now: () => number): KeySource {
  if (!options.serviceRoleKey) {
    throw invalid("keySource", "is required, unless serviceRoleKey is given to read the registry");
  }
  return restKeySource({
    supabaseUrl: options.supabaseUrl,
    serviceRoleKey: options.serviceRoleKey,
    now,
    ...(options.fetch && { fetch: options.fetch }),
  });
}

function signerWithSecret(options: ProxyOptions): DownstreamSigner {
  if (!options.supabaseJwtSecret) {
    throw invalid("signer", "is required, unless supabaseJwtSecret is given to sign with");
  }
  return hs256Signer(options.supabaseJwtSecret);
}

/**
 * A hosted project's gateway wants one of the project's own keys (publishable, secret or legacy) and
 * nothing else. The key decides nothing as long as there is an Authorization header, which `forward`
 * always sends. PostgREST itself wants none.
 */
function apikey(options: ProxyOptions): string | undefined {
  if (options.apikey) return options.apikey;
  if (options.upstreamUrl !== undefined) return undefined;
  if (options.serviceRoleKey) return options.serviceRoleKey;
  throw invalid("apikey", "is required: the project's publishable (or legacy anon) key");
}

function invalid(name: string, message: string): ConfigurationError {
  return new ConfigurationError([{ name, message }]);
}
