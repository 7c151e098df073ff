import {
  checkMembers,
  checkVerifyRules,
  type KeySource,
  type ProviderKeys,
  readProjectUrl,
  readServerUrl,
  remoteProviderKeys,
  restKeySource,
  VerifiedTokenCache,
  type VerifyOptions,
} from "@countersign/verifier";
import type { DownstreamSigner } from "../downstream/downstream_signer.ts";
import { createGatewayCheck } from "../gateway/gateway_secret.ts";
import { hs256Signer } from "../downstream/hs256_signer.ts";
import { createRouter } from "../request/router.ts";
import type { ForwardSettings } from "../upstream/forward.ts";
import { headerNames, REQUEST_HEADERS, RESPONSE_HEADERS } from "../upstream/forwarded_headers.ts";
import { UpstreamCalls } from "../upstream/upstream_calls.ts";
import { defaultAudience } from "./default_audience.ts";
import { Problems } from "./problems.ts";
import type { ConfiguredProxyOptions, ProxyOptions } from "./proxy_options.ts";
import { withoutUndefined } from "./without_undefined.ts";

/** {@linkcode ProxyOptions} with every default in place, checked once. */
export interface ProxySettings {
  readonly mountPath: string;
  /** Where callers reach it, without a slash at the end. */
  readonly publicUrl: string;
  readonly keySource: KeySource;
  readonly verify: VerifyOptions & { readonly keySource: KeySource };
  readonly providerKeys: ProviderKeys;
  readonly signer: DownstreamSigner;
  readonly forward: ForwardSettings;
  /** Throws unless the headers are those of the operator's gateway. */
  readonly checkGateway: (headers: Headers) => void;
  readonly now: () => number;
}

const MEMBERS: ReadonlySet<string> = new Set(
  [
    "supabaseUrl",
    "serviceRoleKey",
    "supabaseJwtSecret",
    "allowedIssuers",
    "mountPath",
    "publicUrl",
    "gatewaySecret",
    "upstreamUrl",
    "apikey",
    "keySource",
    "providerKeys",
    "signer",
    "audience",
    "requireAudience",
    "clockToleranceSec",
    "maxTokenLifetimeSec",
    "upstreamTimeout",
    "requestHeaders",
    "responseHeaders",
    "fetch",
    "now",
    "serverTiming",
    "onEvent",
    "close",
  ] satisfies (keyof ConfiguredProxyOptions)[],
);

/** The options that the verifier reads as well, and judges. */
const VERIFY_RULES = [
  "audience",
  "requireAudience",
  "allowedIssuers",
  "clockToleranceSec",
  "maxTokenLifetimeSec",
  "now",
] as const;

/**
 * Puts every default in place.
 *
 * @throws {ConfigurationError} With everything that is missing or cannot work.
 */
export function proxySettings(options: ProxyOptions): ProxySettings {
  const problems = new Problems();
  problems.try("options", () => checkMembers(options, MEMBERS));
  if (problems.any) return problems.fail();

  const supabaseUrl = problems.try("supabaseUrl", () => readProjectUrl(options.supabaseUrl));
  for (const name of VERIFY_RULES) {
    problems.try(name, () => checkVerifyRules(withoutUndefined({ [name]: options[name] })));
  }
  for (const name of ["fetch", "onEvent"] as const) {
    problems.try(name, () => checkType(options[name], "function"));
  }
  problems.try("serverTiming", () => checkType(options.serverTiming, "boolean"));
  const mountPath = problems.try("mountPath", () => mountPathOf(options));
  const checkGateway = problems.try(
    "gatewaySecret",
    () => createGatewayCheck(options.gatewaySecret),
  );
  const upstreamUrl = problems.try(
    "upstreamUrl",
    () => options.upstreamUrl === undefined ? undefined : readServerUrl(options.upstreamUrl),
  );
  const publicUrl = problems.try(
    "publicUrl",
    () => options.publicUrl === undefined ? undefined : readServerUrl(options.publicUrl),
  );
  const calls = problems.try("upstreamTimeout", () => new UpstreamCalls(upstreamTimeout(options)));
  const apikey = problems.try("apikey", () => apikeyOf(options));
  const requestHeaders = problems.try(
    "requestHeaders",
    () => headerNames(options.requestHeaders ?? []),
  );
  const responseHeaders = problems.try(
    "responseHeaders",
    () => headerNames(options.responseHeaders ?? []),
  );
  const now = options.now ?? Date.now;
  const keySource = problems.try(
    options.keySource === undefined && options.serviceRoleKey ? "serviceRoleKey" : "keySource",
    () => keySourceOf(options, now),
  );
  const providerKeys = problems.try("providerKeys", () => providerKeysOf(options, now));
  const signer = problems.try(
    options.signer === undefined && options.supabaseJwtSecret ? "supabaseJwtSecret" : "signer",
    () => signerOf(options),
  );
  if (
    problems.any || supabaseUrl === undefined || mountPath === undefined || calls === undefined ||
    keySource === undefined || signer === undefined || checkGateway === undefined ||
    providerKeys === undefined
  ) return problems.fail();

  return {
    mountPath,
    publicUrl: publicUrl ?? supabaseUrl + mountPath.replace(/\/$/, ""),
    keySource,
    providerKeys,
    verify: {
      keySource,
      providerKeys,
      audience: options.audience ?? defaultAudience(new URL(supabaseUrl)),
      cache: new VerifiedTokenCache(),
      now,
      ...withoutUndefined({
        requireAudience: options.requireAudience,
        allowedIssuers: options.allowedIssuers,
        clockToleranceSec: options.clockToleranceSec,
        maxTokenLifetimeSec: options.maxTokenLifetimeSec,
      }),
    },
    signer,
    forward: {
      upstreamUrl: upstreamUrl ?? `${supabaseUrl}/rest/v1`,
      apikey,
      requestHeaders: [...REQUEST_HEADERS, ...requestHeaders ?? []],
      responseHeaders: new Set([...RESPONSE_HEADERS, ...responseHeaders ?? []]),
      calls,
      // As a method of the options it would be called with them as `this`, which Workers refuse.
      fetch: options.fetch ?? ((input, init) => fetch(input, init)),
    },
    checkGateway,
    now,
  };
}

function checkType(value: unknown, type: "function" | "boolean"): void {
  if (value === undefined || typeof value === type) return;
  throw new TypeError(`Expected a ${type}`);
}

function mountPathOf({ mountPath = "/functions/v1/rest" }: ProxyOptions): string {
  createRouter(mountPath);
  return mountPath;
}

/** A longer one than a timer can be set to would be over at once. */
function upstreamTimeout({ upstreamTimeout = 60_000 }: ProxyOptions): number {
  if (typeof upstreamTimeout === "number" && upstreamTimeout > 0 && upstreamTimeout < 2 ** 31) {
    return upstreamTimeout;
  }
  throw new RangeError("Expected a positive number of milliseconds, under 2^31");
}

function keySourceOf(options: ProxyOptions, now: () => number): KeySource {
  const { keySource, supabaseUrl, serviceRoleKey, fetch } = options;
  if (keySource !== undefined) {
    if (typeof keySource?.find === "function") return keySource;
    throw new TypeError('Expected a key source, with a method "find"');
  }
  if (!serviceRoleKey) {
    throw new TypeError('Expected a key source, or "serviceRoleKey" to read the registry with');
  }
  return restKeySource({ supabaseUrl, serviceRoleKey, now, ...withoutUndefined({ fetch }) });
}

function providerKeysOf(options: ProxyOptions, now: () => number): ProviderKeys {
  const { providerKeys, fetch, onEvent } = options;
  if (providerKeys !== undefined) {
    if (typeof providerKeys?.find === "function") return providerKeys;
    throw new TypeError('Expected keys of providers, with a method "find"');
  }
  return remoteProviderKeys({
    now,
    ...withoutUndefined({ fetch }),
    onState({ provider, state, keys, refusedKeys, failure }) {
      const told = { provider, state, keys, refusedKeys, ...withoutUndefined({ failure }) };
      onEvent?.({ type: "provider", ...told });
    },
  });
}

function signerOf({ signer, supabaseJwtSecret }: ProxyOptions): DownstreamSigner {
  if (signer !== undefined) {
    if (typeof signer?.sign === "function") return signer;
    throw new TypeError('Expected a signer, with a method "sign"');
  }
  if (!supabaseJwtSecret) {
    throw new TypeError('Expected a signer, or "supabaseJwtSecret" to sign with');
  }
  return hs256Signer(supabaseJwtSecret);
}

/**
 * A hosted project's gateway wants one of the project's own keys (publishable, secret or legacy) and
 * nothing else. The key decides nothing as long as there is an Authorization header, which `forward`
 * always sends. PostgREST itself wants none.
 */
function apikeyOf(options: ProxyOptions): string | undefined {
  const key = options.apikey || (options.upstreamUrl === undefined && options.serviceRoleKey);
  if (typeof key === "string" && key !== "") {
    if (/^[\x21-\x7e]+$/.test(key)) return key;
    throw new TypeError("Expected a key of printable characters");
  }
  if (options.upstreamUrl !== undefined) return undefined;
  throw new TypeError("Expected the project's publishable (or legacy anon) key");
}
