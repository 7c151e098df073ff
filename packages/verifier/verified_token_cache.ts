import { checkMembers } from "./options/checked_members.ts";
import { BoundedMap } from "./bounded_map.ts";
import type { MappedToken } from "./federation/bearer.ts";
import type { ProviderRecord } from "./federation/rule.ts";
import type { ParsedToken } from "./token/parse.ts";
import type { IssuerKey, IssuerRecord } from "./types.ts";

/** A token whose signature held, the key that made it, and the record that the key came from. */
export interface VerifiedToken {
  readonly jwt: ParsedToken;
  readonly record: IssuerRecord | ProviderRecord;
  readonly key: IssuerKey;
  /** Of a provider's token: what its rule made of it. */
  readonly mapped?: MappedToken | undefined;
}

const DEFAULT_MAX_ENTRIES = 1000;

// Reach the private entries without making them public: nothing unverified may get in.
let recallFrom: (cache: VerifiedTokenCache, token: string) => VerifiedToken | undefined;
let rememberIn: (cache: VerifiedTokenCache, token: string, verified: VerifiedToken) => void;

/**
 * Remembers tokens whose signature held, so that a token seen before costs no public-key operation.
 *
 * - Key: the whole token.
 * - Bound: `maxEntries`; the least recently used goes first. An entry holds the token and its parsed claims.
 * - Lifetime: until evicted. An entry counts only together with the very record, and so the keys, that it was
 *   verified against: when the key source has a new record, the signature is checked again.
 * - Of a provider's token also what its rule made of it, which counts with the same record alone.
 * - Staleness: none of its own. Times, audience and policy are checked on every hit.
 *
 * Only {@linkcode verifyMultiIssuerJwt} can put anything in, and it never does for a `single_use` issuer.
 *
 * **Does not** remember refusals.
 *
 * @example Skipping the signature of a token seen before
 * ```ts
 * import assert from "node:assert/strict";
 * import { memoryKeySource, VerifiedTokenCache, type VerifyOptions } from "@countersign/verifier";
 *
 * const options: VerifyOptions = {
 *   keySource: memoryKeySource([]),
 *   cache: new VerifiedTokenCache({ maxEntries: 200 }),
 * };
 * assert.equal(options.cache?.size, 0);
 * ```
 */
export class VerifiedTokenCache {
  readonly #entries: BoundedMap<VerifiedToken>;

  static {
    recallFrom = (cache, token) => cache.#entries.get(token);
    rememberIn = (cache, token, verified) => cache.#entries.set(token, verified);
  }

  /**
   * Makes an empty cache.
   *
   * @param options `maxEntries`: the most tokens to remember. Default: 1,000.
   * @throws {RangeError} If `maxEntries` is no positive integer.
   */
  constructor(options: { readonly maxEntries?: number } = {}) {
    checkMembers(options, new Set(["maxEntries"]));
    const { maxEntries = DEFAULT_MAX_ENTRIES } = options;
    if (!Number.isSafeInteger(maxEntries) || maxEntries < 1) {
      throw new RangeError(`Expected "maxEntries" to be a positive integer, found "${maxEntries}"`);
    }
    this.#entries = new BoundedMap(maxEntries);
  }

  /** How many tokens are remembered. */
  get size(): number {
    return this.#entries.size;
  }

  /** Forgets every token. */
  clear(): void {
    this.#entries.clear();
  }
}

/** Finds what was verified before, and counts it as used. */
export function recall(cache: VerifiedTokenCache, token: string): VerifiedToken | undefined {
  return recallFrom(cache, token);
}

/** Remembers a token whose signature held. */
export function remember(cache: VerifiedTokenCache, token: string, verified: VerifiedToken): void {
  rememberIn(cache, token, verified);
}
