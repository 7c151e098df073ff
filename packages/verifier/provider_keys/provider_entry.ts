import { JwtVerificationError } from "../errors.ts";
import type { ProviderKey, ProviderState } from "../federation/provider_key.ts";
import type { ProviderRecord } from "../federation/rule.ts";
import { requestsShareWork } from "../key_source/requests_share_work.ts";
import { FetchFailure, type Resolve } from "./fetch_json.ts";
import { type FetchedKeySet, fetchKeySet } from "./fetch_key_set.ts";
import { readKeySet } from "./key_set.ts";

/** What an entry needs of its surroundings. Times are milliseconds. */
export interface ProviderEntrySettings {
  readonly fetch: typeof fetch;
  readonly resolve: Resolve;
  readonly now: () => number;
  readonly onState: ((state: ProviderState) => void) | undefined;
}

/** For discovery and key set together. */
const FETCH_TIMEOUT = 3_000;
/** How seldom an unknown `kid` asks again: whoever sends tokens chooses their `kid`. */
const UNKNOWN_KID_INTERVAL = 30_000;
/** How long the last keys serve beyond their life while the provider cannot be reached. */
const MAX_STALE = 60 * 60_000;
const MAX_BACKOFF = 30_000;
/** The share of a key set's life after which it is read again in the background. */
const REFRESH_FROM = 0.8;

/** The keys of one provider, from one place. */
export class ProviderEntry {
  readonly #record: ProviderRecord;
  readonly #settings: ProviderEntrySettings;
  readonly #sharesWork = requestsShareWork();

  #keySet: FetchedKeySet | undefined;
  /** When the fetch that brought the keys began. */
  #fetchedAt = -Infinity;
  /** When the last fetch began, whatever became of it. */
  #askedAt = -Infinity;
  #pending: Promise<readonly ProviderKey[]> | undefined;
  #failures = 0;
  #failedAt = -Infinity;
  #failure: string | undefined;
  #toldState: ProviderState["state"] = "ok";

  constructor(record: ProviderRecord, settings: ProviderEntrySettings) {
    this.#record = record;
    this.#settings = settings;
  }

  find(kid: string | undefined): readonly ProviderKey[] | Promise<readonly ProviderKey[]> {
    const now = this.#settings.now();
    const { keys, lifetime = 0 } = this.#keySet ?? {};
    const age = now - this.#fetchedAt;
    if (keys === undefined || age >= lifetime || age < 0) return this.#refresh(now);
    if (kid !== undefined && !keys.some(({ providerKid }) => providerKid === kid)) {
      const waited = now - this.#askedAt;
      if (this.#pending !== undefined || waited >= UNKNOWN_KID_INTERVAL || waited < 0) {
        return this.#record.keysFrom === "jwks" ? keys : this.#refresh(now);
      }
    } else if (age >= REFRESH_FROM * lifetime && this.#sharesWork && !this.#isBackingOff(now)) {
      // Who waits for nothing hears of no failure; whoever comes after the keys' life does.
      this.#refresh(now).catch(() => {});
    }
    return keys;
  }

  state(): ProviderState {
    const now = this.#settings.now();
    const { keys = [], refused = 0, lifetime = 0 } = this.#keySet ?? {};
    const age = now - this.#fetchedAt;
    const { provider } = this.#record;
    return {
      provider,
      state: age < lifetime ? "ok" : age < lifetime + MAX_STALE ? "stale" : "unavailable",
      keys: keys.length,
      refusedKeys: refused,
      age: Number.isFinite(age) ? age : undefined,
      ...(this.#failure !== undefined && { failure: this.#failure }),
    };
  }

  /** One fetch serves all who wait, except where a request may not wait for another's work. */
  async #refresh(now: number): Promise<readonly ProviderKey[]> {
    if (this.#isBackingOff(now)) return this.#lastKeys(now);
    if (!this.#sharesWork) return await this.#fetch(now);
    this.#pending ??= this.#fetch(now).finally(() => this.#pending = undefined);
    return await this.#pending;
  }

  async #fetch(now: number): Promise<readonly ProviderKey[]> {
    this.#askedAt = now;
    try {
      this.#keySet = await this.#read();
      this.#fetchedAt = now;
      this.#failures = 0;
      this.#failure = undefined;
      this.#tell();
      return this.#keySet.keys;
    } catch (error) {
      this.#failures++;
      this.#failedAt = this.#settings.now();
      this.#failure = error instanceof FetchFailure ? error.message : "The keys cannot be read";
      this.#tell();
      return this.#lastKeys(this.#failedAt);
    }
  }

  async #read(): Promise<FetchedKeySet> {
    if (this.#record.keysFrom === "jwks") {
      const keySet = await readKeySet(this.#record.jwks);
      if (keySet !== undefined) return { ...keySet, lifetime: Infinity };
      throw new FetchFailure("Expected the provider's row to hold a JSON Web Key Set");
    }
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), FETCH_TIMEOUT);
    try {
      const { fetch, resolve } = this.#settings;
      const { allowPrivate } = this.#record;
      const { signal } = controller;
      return await fetchKeySet(this.#record, { fetch, resolve, signal, allowPrivate });
    } finally {
      clearTimeout(timer);
    }
  }

  #isBackingOff(now: number): boolean {
    const wait = Math.min(MAX_BACKOFF, 1000 * 2 ** (this.#failures - 1));
    return this.#failures > 0 && now >= this.#failedAt && now < this.#failedAt + wait;
  }

  /** The keys that served last, while they may. */
  #lastKeys(now: number): readonly ProviderKey[] {
    const { keys, lifetime = 0 } = this.#keySet ?? {};
    const age = now - this.#fetchedAt;
    if (keys !== undefined && age >= 0 && age < lifetime + MAX_STALE) return keys;
    throw new JwtVerificationError(
      "provider_unavailable",
      this.#failure ?? "The provider cannot be reached",
      { issuer: this.#record.provider },
    );
  }

  /** What an observer does decides nothing about a token, so its failure goes nowhere. */
  #tell(): void {
    const state = this.state();
    if (state.state === this.#toldState) return;
    this.#toldState = state.state;
    try {
      this.#settings.onState?.(state);
    } catch {
      // There is nobody left to report it to.
    }
  }
}
