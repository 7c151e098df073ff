import { BoundedMap } from "../bounded_map.ts";
import { JwtVerificationError } from "../errors.ts";
import { isWithin } from "./age.ts";
import { requestsShareWork } from "./requests_share_work.ts";
import type { RegistryAnswer, RowReader } from "./rest_client.ts";
import { UnseenNames } from "./unseen_names.ts";

const MAX_ROWS = 2_000;
/** How long "no such issuer" and "can't say" are repeated without asking: a new issuer works after this. */
const MISS_LIFETIME = 1000;
/** On Workers, where no query serves two requests: most names a second that are looked up without being known. */
const MAX_LOOKUPS_PER_SECOND = 50;

interface Known<Row> {
  readonly record: Row;
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

/** Rows of one of the registry's views, as {@linkcode restKeySource} remembers them. */
export class CachedRows<Row> {
  readonly #known = new BoundedMap<Known<Row>>(MAX_ROWS);
  readonly #misses = new BoundedMap<Miss>(MAX_ROWS);
  readonly #pending = new Map<string, Promise<Row | undefined>>();
  readonly #sharesReads = requestsShareWork();
  #lookups = { second: 0, count: 0 };

  readonly #unseen: UnseenNames;

  constructor(
    private readonly reader: RowReader,
    private readonly parse: (row: unknown) => Row,
    private readonly now: () => number,
    private readonly maxStaleness: number,
  ) {
    this.#unseen = new UnseenNames({ read: reader.rows, now });
  }

  find(issuer: string): Row | undefined | Promise<Row | undefined> {
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

  /** Whether a name was found when it was last looked up, however long ago. */
  has(name: string): boolean {
    return this.#known.get(name) !== undefined;
  }

  freshFor(issuer: string): number {
    const known = this.#known.get(issuer);
    const age = known === undefined ? NaN : this.now() - known.asOf;
    return isWithin(age, this.maxStaleness) ? this.maxStaleness - age : 0;
  }

  #refresh(issuer: string): Promise<Row | undefined> {
    let pending = this.#pending.get(issuer);
    if (pending !== undefined) return pending;
    const isKnown = this.#known.get(issuer) !== undefined;
    if (!this.#sharesReads) {
      if (!isKnown && this.#isOverBudget()) return Promise.reject(overloaded());
      return this.#readAgain(issuer, this.reader.row);
    }
    // Strangers cannot keep an issuer waiting that is in use.
    const read = isKnown ? this.reader.row : (name: string) => this.#unseen.load(name);
    pending = this.#readAgain(issuer, read).finally(() => this.#pending.delete(issuer));
    this.#pending.set(issuer, pending);
    return pending;
  }

  async #readAgain(
    issuer: string,
    read: (issuer: string) => Promise<RegistryAnswer | undefined>,
  ): Promise<Row | undefined> {
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
      const record = known?.text === text ? known.record : this.parse(row);
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
