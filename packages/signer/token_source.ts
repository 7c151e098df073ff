import { checkMembers } from "./checked_members.ts";
import { checkedClaims } from "./claims/claims.ts";
import { durationSeconds } from "./claims/duration.ts";
import { SignerError } from "./errors.ts";
import { tokenEndpoint } from "./exchange/exchange_url.ts";
import { exchanging } from "./exchange/exchanging_source.ts";
import { keyImporter, type SigningKey } from "./key/private_key.ts";
import { DEFAULT_LIFETIME, SIGN_MEMBERS, signToken } from "./sign.ts";
import type { OidcToken } from "./oidc/github_actions.ts";
import { DEFAULT_OIDC_REUSE, oidcTokenSource } from "./oidc/oidc_token_source.ts";
import type { SignClaims, SigningOptions } from "./types.ts";

/** Hands out a token each time it is called. */
export type TokenSource = () => Promise<string>;

/** Options of `createTokenSource` that exchange its tokens. */
export interface ExchangeOptions {
  /**
   * The function's URL, `<project url>/functions/v1/rest`. The source then hands out the token that each of its own is
   * exchanged for, which goes straight to the project's plain URL. Default: no exchange.
   *
   * One exchanged token is handed out for 80 % of its life, whatever `reuse` says of those that are exchanged.
   */
  exchange?: string | URL;
  /** How to reach the function. Only with `exchange`. Default: the global `fetch`. */
  fetch?: typeof globalThis.fetch;
}

/** Options of `createTokenSource`. */
export interface TokenSourceOptions extends SigningOptions, ExchangeOptions {
  /** The claims of every token, or a function that is called once for each token that is signed. */
  claims: SignClaims | (() => SignClaims | Promise<SignClaims>);
  /**
   * The share of a token's life, from 0 to 0.9, during which callers get the same token again. At 0 every call
   * gets another token. Default: 0.
   *
   * At 0.5, a token of 60 s is handed out for 30 s, and is never handed out with less than 30 s to live. Leave
   * it at 0 for a `single_use` issuer, whose second write with the same token is refused.
   */
  reuse?: number;
}

/** Options of `createTokenSource` for a service that has no key, but a token of its platform. */
export interface OidcTokenSourceOptions extends ExchangeOptions {
  /** Asks the platform for a token: `githubActions(…)`, or a function of one's own. */
  oidc: OidcToken;
  /**
   * The share of a token's life, from 0 to 0.9, during which callers get the same token again. At 0 every call asks the
   * platform. Default: 0.8, and never with less than 30 s to live.
   *
   * Set it to 0 for a `single_use` issuer.
   */
  reuse?: number;
  /** The clock: milliseconds since the epoch. Default: `Date.now`. */
  now?: () => number;
}

// What is left of a token has to last for the request, its retries and the difference between two clocks.
const MOST_REUSE = 0.9;

/** A token handed out again from its second of issue until `until`; both in milliseconds. */
interface ReusableToken {
  readonly token: Promise<string>;
  readonly since: number;
  readonly until: number;
}

/**
 * Creates a function that hands out signed tokens, for a service that makes many requests.
 *
 * The key is imported once, on the first call, and stays in memory for as long as the source does. Every token has
 * `kid` and a `jti` of its own. With `reuse`, the last token is kept (one at most) and concurrent callers share
 * one signature; a signature that fails is not kept. The clock going backwards ends a reuse.
 *
 * With `oidc` nothing is signed: the source hands out the token that the platform has made for this job, which a target's
 * federation rule lets in. Without a key there is nothing to keep secret.
 *
 * With `exchange` the source hands out the token that its own is exchanged for, which PostgREST takes at the project's plain
 * URL. One exchange is under way at a time; a refusal is repeated for a while before the function is asked again.
 *
 * The source fits supabase-js's `accessToken` option.
 *
 * **Does not** learn that a token was refused: with `reuse`, a token stays in use until its share of life is over,
 * also if the key was revoked meanwhile.
 *
 * @param options The key, the issuer, the claims, the lifetime and how long a token is reused.
 * @returns A function that resolves to a token. It rejects with what `claims` throws, and with a
 * {@linkcode SignerError} for claims that cannot be signed or a damaged key, or for an exchange that was refused or could
 * not be made.
 * @throws {SignerError} At once, for everything that can be checked at once about the key and the options.
 * @throws {RangeError} When `reuse` is not between 0 and 0.9.
 * @throws {TypeError} When the private key is neither text, nor a JWK, nor a `CryptoKey`, or there is an option that
 * does not exist.
 *
 * @example One token for half of its life
 * ```ts
 * import { createTokenSource, generateIssuerKeyPair } from "@countersign/signer";
 * import assert from "node:assert/strict";
 *
 * const { privateKey } = await generateIssuerKeyPair();
 *
 * const tokenSource = createTokenSource({
 *   privateKey,
 *   issuer: "my-service",
 *   claims: { sub: "depot-42", role: "widgets_writer" },
 *   expiresIn: "60s",
 *   reuse: 0.5,
 * });
 * assert.equal(await tokenSource(), await tokenSource());
 * ```
 *
 * @example A GitHub Actions job, without a key
 * ```ts
 * import { createTokenSource, githubActions } from "@countersign/signer";
 *
 * const accessToken = createTokenSource({
 *   oidc: githubActions({ audience: "https://ref.supabase.co" }),
 * });
 * ```
 *
 * @example Past the function
 * ```ts
 * import { createTokenSource, generateIssuerKeyPair } from "@countersign/signer";
 *
 * const { privateKey } = await generateIssuerKeyPair();
 * const accessToken = createTokenSource({
 *   privateKey,
 *   issuer: "billing",
 *   claims: { sub: "job-1", role: "invoices_writer" },
 *   exchange: "https://prod-abc123.supabase.co/functions/v1/rest",
 * });
 * // createClient("https://prod-abc123.supabase.co", PUBLISHABLE_KEY, { accessToken })
 * ```
 */
export function createTokenSource(
  options: TokenSourceOptions | OidcTokenSourceOptions,
): TokenSource {
  const { exchange, fetch: reach, ...own } = options;
  if (exchange === undefined && reach !== undefined) {
    throw new TypeError('Option "fetch" is not valid, expected it beside "exchange" only');
  }
  const endpoint = exchange === undefined ? undefined : tokenEndpoint(exchange);
  const source = "oidc" in own ? ofPlatform(own) : ofKey(own);
  if (endpoint === undefined) return source;
  return exchanging(source, {
    endpoint,
    // As a method of the options it would be called with them as `this`, which Workers refuse.
    fetch: (input, init) => (reach ?? fetch)(input, init),
    now: options.now ?? Date.now,
  });
}

function ofPlatform(options: OidcTokenSourceOptions): TokenSource {
  checkMembers(options, ["oidc", "reuse", "now"]);
  const { oidc, reuse = DEFAULT_OIDC_REUSE, now = Date.now } = options;
  if (typeof oidc !== "function") {
    throw new TypeError('Option "oidc" is not valid, expected a function that returns a token');
  }
  checkReuse(reuse);
  return oidcTokenSource(oidc, now, reuse);
}

function ofKey(options: TokenSourceOptions): TokenSource {
  checkMembers(options, [...SIGN_MEMBERS, "reuse"]);
  const { issuer, audience, claims, now = Date.now, reuse = 0 } = options;
  const lifetime = durationSeconds(options.expiresIn ?? DEFAULT_LIFETIME);
  checkReuse(reuse);
  const importKey = keyImporter(options);
  if (typeof claims !== "function") {
    checkedClaims({ issuer, audience, claims }, now(), lifetime);
    if (Object.hasOwn(claims, "jti")) throw sharedTokenId();
  }

  let imported: Promise<SigningKey> | undefined;
  const signFresh: TokenSource = async () => {
    const key = await (imported ??= importKey());
    const own = typeof claims === "function" ? await claims() : claims;
    return await signToken(key, { issuer, audience, claims: own }, now(), lifetime);
  };
  return reuse === 0 ? signFresh : reusing(signFresh, now, lifetime * reuse * 1000);
}

function checkReuse(reuse: number): void {
  if (reuse >= 0 && reuse <= MOST_REUSE) return;
  throw new RangeError(`Option "reuse" is not valid, expected a number from 0 to ${MOST_REUSE}`);
}

function reusing(sign: TokenSource, now: () => number, span: number): TokenSource {
  let last: ReusableToken | undefined;
  return async () => {
    const at = now();
    if (last !== undefined && at >= last.since && at < last.until) return await last.token;
    // Counted from the whole second that "iat" says, so that the share never outlasts the token.
    const since = Math.floor(at / 1000) * 1000;
    const made: ReusableToken = { token: sign(), since, until: since + span };
    last = made;
    try {
      return await made.token;
    } catch (error) {
      if (last === made) last = undefined;
      throw error;
    }
  };
}

/** RFC 7519 §4.1.7: an id names one token. */
function sharedTokenId(): SignerError {
  return new SignerError(
    "reserved_claim",
    'Claim "jti" would be the same in every token; leave it out, or give it from a function',
  );
}
