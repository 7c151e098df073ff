import { isWithin } from "./age.ts";
import { requestsShareWork } from "./requests_share_work.ts";
import type { RegistryAnswer } from "./rest_client.ts";
import { parseSealKeyRow } from "./rows/seal_key_row.ts";
import type { SealKey } from "../types.ts";

/** Milliseconds for which "there is none" and "can't say" are repeated without asking. */
const MISS_LIFETIME = 1_000;

/**
 * Remembers the key that seals downstream tokens.
 *
 * - Key: none; there is one entry.
 * - Lifetime: `maxStaleness`; from half of it on the key is read again in the background.
 * - Staleness: a token sealed with the key before, which the database accepts while the two overlap.
 *
 * On Workers, where a read belongs to its request, none is shared, and none is done in the background.
 *
 * Strangers can't make it wait: it is no part of the ration of unknown names.
 */
export class CachedSealKey {
  readonly #read: () => Promise<RegistryAnswer | undefined>;
  readonly #now: () => number;
  readonly #maxStaleness: number;
  readonly #sharesReads = requestsShareWork();

  #key: SealKey | undefined;
  #lifetime = 0;
  #asOf = -Infinity;
  #refreshAt = -Infinity;
  #failure: { readonly at: number; readonly error: unknown } | undefined;
  #pending: Promise<SealKey | undefined> | undefined;

  /** @param maxStaleness Milliseconds. */
  constructor(
    read: () => Promise<RegistryAnswer | undefined>,
    now: () => number,
    maxStaleness: number,
  ) {
    this.#read = read;
    this.#now = now;
    this.#maxStaleness = maxStaleness;
  }

  /** The newest key, at once if it is at hand. */
  current(): SealKey | undefined | Promise<SealKey | undefined> {
    const now = this.#now();
    if (isWithin(now - this.#asOf, this.#lifetime)) {
      // The key stands until it is too old, and then the reason is told.
      if (now >= this.#refreshAt && this.#sharesReads) this.#refresh().catch(() => {});
      return this.#key;
    }
    const failure = this.#failure;
    const missLifetime = Math.min(MISS_LIFETIME, this.#maxStaleness);
    if (failure !== undefined && isWithin(now - failure.at, missLifetime)) {
      return Promise.reject(failure.error);
    }
    return this.#refresh();
  }

  #refresh(): Promise<SealKey | undefined> {
    if (!this.#sharesReads) return this.#readAgain();
    return this.#pending ??= this.#readAgain().finally(() => this.#pending = undefined);
  }

  async #readAgain(): Promise<SealKey | undefined> {
    const asOf = this.#now();
    try {
      const answer = await this.#read();
      const found = answer && parseSealKeyRow(answer.row);
      // The same object while it is the same key: what was imported for it stays imported.
      if (found?.id !== this.#key?.id || found?.secret !== this.#key?.secret) this.#key = found;
      this.#asOf = asOf;
      this.#lifetime = found === undefined
        ? Math.min(MISS_LIFETIME, this.#maxStaleness)
        : this.#maxStaleness;
      this.#refreshAt = asOf + this.#lifetime / 2;
      this.#failure = undefined;
      return this.#key;
    } catch (error) {
      const at = this.#now();
      this.#refreshAt = at + MISS_LIFETIME;
      this.#failure = { at, error };
      throw error;
    }
  }
}
