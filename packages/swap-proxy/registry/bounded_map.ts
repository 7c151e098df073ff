/**
 * A map that never holds more than `limit` entries and drops those that were not used for longest, roughly:
 * entries live in a young half and an old half; a use moves an entry to the young one, and a full young half
 * becomes the old one. Unlike an exact LRU a hit in the young half writes nothing.
 */
export class BoundedMap<Value> {
  readonly #half: number;
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();

  constructor(limit: number) {
    if (!Number.isSafeInteger(limit) || limit < 2) {
      throw new RangeError(`Expected a bound of at least 2 entries, got ${limit}`);
    }
    this.#half = Math.floor(limit / 2);
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(key: string): Value | undefined {
    const value = this.#young.get(key);
    if (value !== undefined) return value;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: string, value: Value): void {
    this.#old.delete(key);
    if (this.#young.size >= this.#half && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}
