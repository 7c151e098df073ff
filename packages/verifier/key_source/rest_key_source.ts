import { checkMembers } from "../checked_members.ts";
import { isWithin } from "./age.ts";
import { BoundedMap } from "../bounded_map.ts";
import { JwtVerificationError } from "../errors.ts";
import { requestsShareWork } from "./requests_share_work.ts";
import { parseIssuerRow } from "./registry_row.ts";
import { type RegistryAnswer, type RegistryReader, registryReader } from "./rest_client.ts";
import { UnseenNames } from "./unseen_names.ts";
import { CachedSealKey } from "./rest_seal_key.ts";
import type { KeySource } from "./key_source.ts";
import type { IssuerRecord } from "../types.ts";

/** Options of {@linkcode restKeySource}. Times are milliseconds. */
export interface RestKeySourceOptions {
  /** The project's URL, such as `https://ref.supabase.co`. */
  readonly supabaseUrl: string;
  /** The project's service key: the legacy `service_role` JWT, or `sb_secret_…`. */
  readonly serviceRoleKey: string;
  /** How to reach it. Default: the global `fetch`. */
  readonly fetch?: typeof fetch;
  /** The clock, in milliseconds since the epoch. Default: `Date.now`. */
  readonly now?: () => number;
  /** How long a record may be used after it was read; 0 reads for every token. Default: 5,000. */
  readonly maxStaleness?: number;
  /** How long one read may take. Default: 3,000. */
  readonly queryTimeout?: number;
}

const MEMBERS: ReadonlySet<string> = new Set(
  [
    "supabaseUrl",
    "serviceRoleKey",
    "fetch",
    "now",
    "maxStaleness",
    "queryTimeout",
  ] satisfies (keyof RestKeySourceOptions)[],
);

const MAX_QUERY_TIMEOUT = 60_000;
const MAX_ISSUERS = 2_000;
/** How long "no such issuer" and "can't say" are repeated without asking: a new issuer works after this. */
const MISS_LIFETIME = 1000;
/** On Workers, where no query serves two requests: most names a second that are looked up without being known. */
const MAX_LOOKUPS_PER_SECOND = 50;

/**
 * Finds issuers in the registry of a Supabase project, over PostgREST.
 *
 * What it remembers:
 * - records. Key: the issuer. Bound: 2,000. Lifetime: `maxStaleness`; from half of it on they are read again in
 *   the background. Staleness: a revocation is seen within `maxStaleness`. A record that reads the same stays the
 *   same object.
 * - names that are not registered, and failures. Key: the name. Bound: 2,000. Lifetime: 1 second. Staleness: a
 *   new issuer is seen within a second.
 * - the key that seals downstream tokens. Lifetime: `maxStaleness`, read again from half of it on. Staleness: the
 *   key before, which the database accepts while the two overlap.
 *
 * Names that are not known are looked up together, ten times a second, however many there are: a new issuer in a crowd
 * of them waits for the next time. On Workers, where a read belongs to its request, none is shared, and none is done in
 * the background: there 50 unknown names a second are looked up, and others are refused.
 *
 * When the registry cannot be read, known issuers keep working for `maxStaleness`; after that `find` rejects.
 *
 * **Does not** listen for changes. Its errors hold neither the key nor the issuer's name.
 *
 * @param options Where the registry is, and how stale a record may be.
 * @returns A key source that answers from memory where it can.
 * @throws {TypeError | RangeError} If the options are wrong.
 *
 * @example An issuer that is not registered
 * ```ts
 * import assert from "node:assert/strict";
 * import { restKeySource } from "@countersign/verifier";
 *
 * const source = restKeySource({
 *   supabaseUrl: "https://ref.supabase.co",
 *   serviceRoleKey: "sb_secret_example",
 *   fetch: () => Promise.resolve(Response.json([])),
 * });
 * assert.equal(await source.find("billing"), undefined);
 * ```
 */
export function restKeySource(options: RestKeySourceOptions): KeySource {
  checkMembers(options, MEMBERS);
  const { maxStaleness = 5000, queryTimeout = 3000, now = Date.now, fetch = globalThis.fetch } =
    options;
  if (!(maxStaleness >= 0 && Number.isFinite(maxStaleness))) {
    throw new RangeError('Expected "maxStaleness" to be milliseconds, 0 or more');
  }
  if (!(queryTimeout > 0 && queryTimeout <= MAX_QUERY_TIMEOUT)) {
    throw new RangeError(
      `Expected "queryTimeout" to be milliseconds, more than 0 and at most ${MAX_QUERY_TIMEOUT}`,
    );
  }
  const { supabaseUrl, serviceRoleKey } = options;
  const registry = registryReader({ supabaseUrl, serviceRoleKey, fetch, queryTimeout });
  const source = new CachedRows(registry, now, maxStaleness);
  const sealKey = new CachedSealKey(registry.sealKey, now, maxStaleness);
  return {
    find: (issuer) => source.find(issuer),
    sealKey: () => sealKey.current(),
    check: registry.check,
    guardIsOn: registry.guardIsOn,
    freshFor: (issuer) => source.freshFor(issuer),
  };
}

interface Known {
  readonly record: IssuerRecord;
  /** What the record was read from, to tell whether anything changed. */
  readonly text: string;
  /** When the query that read it began. */
  readonly asOf: number;
  refreshAt: number;
}

interface Miss {
  readonly at: number;
  readonly error: unknown;
}

class CachedRows {
  readonly #known = new BoundedMap<Known>(MAX_ISSUERS);
  readonly #misses = new BoundedMap<Miss>(MAX_ISSUERS);
  readonly #pending = new Map<string, Promise<IssuerRecord | undefined>>();
  readonly #sharesReads = requestsShareWork();
  #lookups = { second: 0, count: 0 };

  readonly #unseen: UnseenNames;

  constructor(
    private readonly registry: RegistryReader,
    private readonly now: () => number,
    private readonly maxStaleness: number,
  ) {
    this.#unseen = new UnseenNames({ read: registry.policies, now });
  }

  find(issuer: string): IssuerRecord | undefined | Promise<IssuerRecord | undefined> {
    const now = this.now();
    const known = this.#known.get(issuer);
    if (known !== undefined && isWithin(now - known.asOf, this.maxStaleness)) {
      if (now >= known.refreshAt && this.#sharesReads) {
        // The record stands until it is too old, and then `find` rejects with the reason.
        this.#refresh(issuer).catch(() => {});
      }
      return known.record;
    }
    const miss = this.#misses.get(issuer);
    const missLifetime = Math.min(MISS_LIFETIME, this.maxStaleness);
    if (miss !== undefined && isWithin(now - miss.at, missLifetime)) {
      return miss.error === undefined ? undefined : Promise.reject(miss.error);
    }
    return this.#refresh(issuer);
  }

  freshFor(issuer: string): number {
    const known = this.#known.get(issuer);
    const age = known === undefined ? NaN : this.now() - known.asOf;
    return isWithin(age, this.maxStaleness) ? this.maxStaleness - age : 0;
  }

  #refresh(issuer: string): Promise<IssuerRecord | undefined> {
    let pending = this.#pending.get(issuer);
    if (pending !== undefined) return pending;
    const isKnown = this.#known.get(issuer) !== undefined;
    if (!this.#sharesReads) {
      if (!isKnown && this.#isOverBudget()) return Promise.reject(overloaded());
      return this.#readAgain(issuer, this.registry.policy);
    }
    // Strangers cannot keep an issuer waiting that is in use.
    const read = isKnown ? this.registry.policy : (name: string) => this.#unseen.load(name);
    pending = this.#readAgain(issuer, read).finally(() => this.#pending.delete(issuer));
    this.#pending.set(issuer, pending);
    return pending;
  }

  async #readAgain(
    issuer: string,
    read: (issuer: string) => Promise<RegistryAnswer | undefined>,
  ): Promise<IssuerRecord | undefined> {
    const asOf = this.now();
    const known = this.#known.get(issuer);
    try {
      const answer = await read(issuer);
      if (answer === undefined) {
        this.#known.delete(issuer);
        this.#misses.set(issuer, { at: asOf, error: undefined });
        return undefined;
      }
      const { row, text } = answer;
      // A row that changed and can't be read takes the old record with it.
      if (known?.text !== text) this.#known.delete(issuer);
      const record = known?.text === text ? known.record : parseIssuerRow(row);
      const refreshAt = asOf + this.maxStaleness / 2;
      this.#known.set(issuer, { record, text, asOf, refreshAt });
      return record;
    } catch (error) {
      const at = this.now();
      if (known !== undefined) known.refreshAt = at + MISS_LIFETIME;
      const isOverload = error instanceof JwtVerificationError &&
        error.reason === "registry_overloaded";
      if (!isOverload) this.#misses.set(issuer, { at, error });
      throw error;
    }
  }

  #isOverBudget(): boolean {
    const second = Math.floor(this.now() / 1000);
    if (second !== this.#lookups.second) this.#lookups = { second, count: 0 };
    this.#lookups.count += 1;
    return this.#lookups.count > MAX_LOOKUPS_PER_SECOND;
  }
}

function overloaded(): JwtVerificationError {
  return new JwtVerificationError("registry_overloaded", "Too many unknown issuers per second");
}
