import { JwtVerificationError } from "../errors.ts";
import type { RegistryAnswer } from "./rest_client.ts";

/** Milliseconds between batches of names that are not in memory: ten a second, whatever arrives. */
const INTERVAL = 100;
/** How many batches may go out at once after a quiet second, so that an ordinary mistake delays nothing. */
const BURST = 10;
/** Queries that one batch is made of, side by side. */
const QUERIES = 5;
/** Names in one query. */
const NAMES = 200;
/** Characters of the names in one query's URL: servers commonly take 8 KiB. */
const CHARACTERS = 6_000;
/** Names that wait for the next batch: many times what one process is asked in that time. */
const MAX_WAITING = 10_000;

/** What reads and when. */
export interface UnseenNamesOptions {
  /** Reads the rows of these issuers. One that has none is left out of the answer. */
  read(issuers: readonly string[]): Promise<ReadonlyMap<string, RegistryAnswer>>;
  /** Milliseconds. */
  now(): number;
}

interface Waiting {
  resolve(answer: RegistryAnswer | undefined): void;
  reject(error: unknown): void;
}

/**
 * Looks up names that are not in memory, many with one query.
 *
 * Anybody can make up names, as many as they like. Looked up one by one they would either become a flood of queries or
 * keep a registered newcomer waiting among them; in batches a crowd costs ten batches a second, and whoever is in it
 * waits for the next one. Half of a batch's queries take the shortest names and half those that wait for longest, so
 * that names of the greatest length, of which a query holds two, cannot keep the others out.
 */
export class UnseenNames {
  readonly #options: UnseenNamesOptions;
  #waiting = new Map<string, Waiting>();
  #isUnderWay = false;
  /** When the ration of batches will be full again. */
  #full = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: UnseenNamesOptions) {
    this.#options = options;
  }

  /**
   * Looks up one name, together with whoever else waits. Not to be called twice at a time for the same name.
   *
   * @throws {JwtVerificationError} `registry_overloaded`, and what the read throws.
   */
  load(issuer: string): Promise<RegistryAnswer | undefined> {
    // No URL spells a lone surrogate and Postgres holds none: its encoding would fail for the whole batch.
    if (!issuer.isWellFormed()) return Promise.resolve(undefined);
    if (this.#waiting.size >= MAX_WAITING) {
      return Promise.reject(
        new JwtVerificationError("registry_overloaded", "Too many unknown issuers wait"),
      );
    }
    return new Promise((resolve, reject) => {
      this.#waiting.set(issuer, { resolve, reject });
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#isUnderWay || this.#waiting.size === 0 || this.#timer !== undefined) return;
    const wait = this.#full - (BURST - 1) * INTERVAL - this.#options.now();
    if (wait <= 0) return void this.#send();
    // Once it is over the batch goes out, whatever the clock says then: it may have been set back.
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#send();
    }, Math.min(wait, INTERVAL));
  }

  async #send(): Promise<void> {
    this.#isUnderWay = true;
    this.#full = Math.max(this.#full, this.#options.now()) + INTERVAL;
    const batch = this.#waiting;
    const queries = queriesOf(batch);
    this.#waiting = new Map(batch);
    for (const names of queries) for (const name of names) this.#waiting.delete(name);

    const unknown = await Promise.all(queries.map((names) => this.#ask(names, batch)));
    // Registered names take nothing off the ration: they are in memory from now on.
    if (unknown.every((count) => count === 0)) this.#full -= INTERVAL;
    this.#isUnderWay = false;
    this.#pump();
  }

  /** @returns How many of the names turned out not to be registered. */
  async #ask(names: readonly string[], batch: ReadonlyMap<string, Waiting>): Promise<number> {
    try {
      const answers = await this.#options.read(names);
      for (const name of names) batch.get(name)?.resolve(answers.get(name));
      return names.length - answers.size;
    } catch (error) {
      for (const name of names) batch.get(name)?.reject(error);
      return names.length;
    }
  }
}

/** Which of the names go out with one batch, and with which query. */
function queriesOf(waiting: ReadonlyMap<string, Waiting>): readonly (readonly string[])[] {
  const oldest = [...waiting.keys()];
  const shortest = oldest.toSorted((one, other) => one.length - other.length);
  const taken = new Set<string>();
  const queries: string[][] = [];
  for (let query = 0; query < QUERIES && taken.size < oldest.length; query++) {
    queries.push(take(query % 2 === 0 ? shortest : oldest, taken));
  }
  return queries;
}

/** As many names as one query holds, at least one. */
function take(names: readonly string[], taken: Set<string>): string[] {
  const query: string[] = [];
  let characters = 0;
  for (const name of names) {
    if (taken.has(name)) continue;
    characters += encodeURIComponent(name).length + 3;
    if (query.length >= NAMES || (query.length > 0 && characters > CHARACTERS)) break;
    taken.add(name);
    query.push(name);
  }
  return query;
}
