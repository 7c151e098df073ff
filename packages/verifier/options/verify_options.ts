import { checkMembers } from "./checked_members.ts";
import type { SignerSources } from "../claims/issuer.ts";
import type { TimeRule } from "../claims/times.ts";
import type { ProviderKeys } from "../federation/provider_key.ts";
import { restKeySource } from "../key_source/rest_key_source.ts";
import type { KeySource } from "../key_source/key_source.ts";
import { VerifiedTokenCache } from "../verified_token_cache.ts";

/** What a verifier wants, wherever it finds issuers. */
export interface VerifyRules {
  /**
   * What the target calls itself. A token that has `aud` has to name it (RFC 7519 §4.1.3). Without it, `aud` is
   * checked only for issuers whose policy lists audiences.
   */
  readonly audience?: string | readonly string[];
  /** Whether a token without `aud` is refused. Default: false. */
  readonly requireAudience?: boolean;
  /** The only issuers to consider. Default: all registered ones. */
  readonly allowedIssuers?: readonly string[];
  /** Seconds by which an issuer's clock may differ from ours, 0 to 60. Default: 5. */
  readonly clockToleranceSec?: number;
  /** Most seconds from now to `exp`, whatever the issuer's policy allows. Default: as the policy says. */
  readonly maxTokenLifetimeSec?: number;
  /** The clock, in milliseconds since the epoch. Default: `Date.now`. */
  readonly now?: () => number;
  /** Where to remember verified tokens. Default: nowhere. */
  readonly cache?: VerifiedTokenCache;
  /** Where to find the keys of OIDC providers. Default: nowhere, and the tokens of providers are refused. */
  readonly providerKeys?: ProviderKeys;
  /** The federation rule that the token has to match. An issuer's own token matches none. Default: the one that does. */
  readonly rule?: string;
}

/** Finds issuers in a key source, which remembers them. */
export interface VerifyWithKeySource extends VerifyRules {
  /** Where to find issuers. */
  readonly keySource: KeySource;
}

/** Asks the registry of a Supabase project again for every token. */
export interface VerifyWithProject extends VerifyRules {
  /** The project's URL, such as `https://ref.supabase.co`. */
  readonly supabaseUrl: string;
  /** The project's service key: the legacy `service_role` JWT, or `sb_secret_…`. */
  readonly serviceRoleKey: string;
  /** How to reach it. Default: the global `fetch`. */
  readonly fetch?: typeof fetch;
}

/** Options of {@linkcode verifyMultiIssuerJwt}: a key source, or a project to ask for every token. */
export type VerifyOptions = VerifyWithKeySource | VerifyWithProject;

/** Options that have been checked. */
export interface CheckedOptions {
  readonly sources: SignerSources & { readonly rule: string | undefined };
  readonly times: TimeRule;
}

const MEMBERS: ReadonlySet<string> = new Set(
  [
    "audience",
    "requireAudience",
    "allowedIssuers",
    "clockToleranceSec",
    "maxTokenLifetimeSec",
    "now",
    "cache",
    "providerKeys",
    "rule",
    "keySource",
    "supabaseUrl",
    "serviceRoleKey",
    "fetch",
  ] satisfies (keyof VerifyWithKeySource | keyof VerifyWithProject)[],
);

const DEFAULT_TOLERANCE = 5;
const MAX_TOLERANCE = 60;

/**
 * Checks options that could let a token through if they were wrong.
 *
 * @throws {TypeError | RangeError} For a programmer's mistake.
 */
export function checkOptions(options: VerifyOptions): CheckedOptions {
  if (typeof options !== "object" || options === null) {
    throw new TypeError('Expected options with "keySource", or "supabaseUrl" and "serviceRoleKey"');
  }
  checkMembers(options, MEMBERS);
  checkVerifyRules(options);
  const { clockToleranceSec: tolerance = DEFAULT_TOLERANCE, maxTokenLifetimeSec } = options;
  const { allowedIssuers, providerKeys, rule } = options;
  return {
    sources: { keySource: sourceOf(options), allowedIssuers, providerKeys, rule },
    times: { tolerance, maxTokenLifetimeSec },
  };
}

/**
 * Checks the rules of a verifier, before there is a token.
 *
 * {@linkcode verifyMultiIssuerJwt} checks them with each token; this is for whoever wants to fail at the start.
 *
 * **Does not** look for members that it does not know; {@linkcode checkMembers} does.
 *
 * @param rules Some or all of them.
 * @throws {TypeError | RangeError} A rule is of another type or out of range. The message begins with what was expected.
 *
 * @example A tolerance that is text
 * ```ts
 * import assert from "node:assert/strict";
 * import { checkVerifyRules } from "@countersign/verifier";
 *
 * checkVerifyRules({ clockToleranceSec: 5 });
 * assert.throws(() => checkVerifyRules({ clockToleranceSec: 90 }), RangeError);
 * ```
 */
export function checkVerifyRules(rules: VerifyRules): void {
  const { audience, requireAudience, allowedIssuers, cache, now, providerKeys, rule } = rules;
  if (audience !== undefined) {
    const names = typeof audience === "string" ? [audience] : audience;
    checkNames("audience", names);
    if (names.length === 0) {
      throw new TypeError('Expected "audience" to name at least one audience');
    }
  }
  if (allowedIssuers !== undefined) checkNames("allowedIssuers", allowedIssuers);
  if (requireAudience !== undefined && typeof requireAudience !== "boolean") {
    throw new TypeError('Expected "requireAudience" to be a boolean');
  }
  if (cache !== undefined && !(cache instanceof VerifiedTokenCache)) {
    throw new TypeError('Expected "cache" to be a VerifiedTokenCache');
  }
  if (now !== undefined && typeof now !== "function") {
    throw new TypeError('Expected "now" to be a function');
  }
  if (rule !== undefined && typeof rule !== "string") {
    throw new TypeError('Expected "rule" to be a string');
  }
  if (providerKeys !== undefined && typeof providerKeys?.find !== "function") {
    throw new TypeError('Expected "providerKeys" to have a method "find"');
  }
  const { clockToleranceSec: tolerance = DEFAULT_TOLERANCE, maxTokenLifetimeSec } = rules;
  // As text it would be appended to "exp", and the token would outlive its issuer.
  if (typeof tolerance !== "number" || !(tolerance >= 0 && tolerance <= MAX_TOLERANCE)) {
    throw new RangeError(`Expected "clockToleranceSec" from 0 to ${MAX_TOLERANCE} seconds`);
  }
  if (
    maxTokenLifetimeSec !== undefined &&
    !(typeof maxTokenLifetimeSec === "number" && maxTokenLifetimeSec > 0)
  ) {
    throw new RangeError('Expected "maxTokenLifetimeSec" to be a positive number of seconds');
  }
}

function sourceOf(options: VerifyOptions): KeySource {
  if (!("keySource" in options)) {
    const { supabaseUrl, serviceRoleKey, fetch, now } = options;
    return restKeySource({
      supabaseUrl,
      serviceRoleKey,
      ...(fetch !== undefined && { fetch }),
      ...(now !== undefined && { now }),
    });
  }
  if (typeof options.keySource?.find !== "function") {
    throw new TypeError('Expected "keySource" to have a method "find"');
  }
  return options.keySource;
}

function checkNames(option: string, names: readonly string[]): void {
  if (!Array.isArray(names) || !names.every(isNonEmptyString)) {
    throw new TypeError(`Expected "${option}" to hold strings, none of them empty`);
  }
}

function isNonEmptyString(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}
