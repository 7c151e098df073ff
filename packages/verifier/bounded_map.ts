/**
 * A map that never holds more than `limit` entries and drops those that were not used for longest, roughly.
 *
 * Entries live in a young half and an old half; a use moves an entry to the young one, and a full young half
 * becomes the old one. Unlike with an exact order of use, a hit in the young half writes nothing.
 *
 * @example Stay within a bound
 * ```ts
 * import assert from "node:assert/strict";
 * import { BoundedMap } from "@countersign/verifier";
 *
 * const map = new BoundedMap<number>(100);
 * for (let index = 0; index < 1_000; index++) map.set(`key-${index}`, index);
 * assert.ok(map.size <= 100);
 * assert.equal(map.get("key-999"), 999);
 * ```
 */
export class BoundedMap<Value> {
  readonly #half: number;
  readonly #keepsOld: boolean;
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();

  /**
   * Makes an empty map.
   *
   * @param limit The most entries it holds.
   * @throws {RangeError} The limit is not a positive integer.
   */
  constructor(limit: number) {
    if (!Number.isSafeInteger(limit) || limit < 1) {
      throw new RangeError(`Expected a bound of at least 1 entry, found "${limit}"`);
    }
    this.#half = Math.max(1, Math.floor(limit / 2));
    this.#keepsOld = limit > 1;
  }

  /** How many entries it holds. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** The value of a key, which counts as a use. */
  get(key: string): Value | undefined {
    const value = this.#young.get(key);
    if (value !== undefined) return value;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  /** Sets the value of a key. Another entry may be dropped for it. */
  set(key: string, value: Value): void {
    this.#old.delete(key);
    if (this.#young.size >= this.#half && !this.#young.has(key)) {
      if (this.#keepsOld) this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  /** Drops one entry. */
  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  /** Drops every entry. */
  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}
