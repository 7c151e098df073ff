import assert from "node:assert/strict";
import { BoundedMap } from "./bounded_map.ts";

Deno.test("BoundedMap holds no more than its limit", () => {
  const map = new BoundedMap<number>(100);
  for (let i = 0; i < 10_000; i++) {
    map.set(`key-${i}`, i);
    assert.ok(map.size <= 100);
  }
  assert.equal(map.get("key-9999"), 9_999);
  assert.equal(map.get("key-0"), undefined);
});

Deno.test("BoundedMap holds as many as its limit says, down to one", () => {
  for (const limit of [1, 2, 3]) {
    const map = new BoundedMap<number>(limit);
    for (const key of ["a", "b", "c", "d"]) map.set(key, 1);
    assert.equal(map.get("d"), 1);
    assert.ok(map.size <= limit);
  }
  for (const limit of [0, -1, 1.5, NaN, Infinity]) {
    assert.throws(() => new BoundedMap(limit), RangeError);
  }
});

Deno.test("BoundedMap keeps what is used while others pass through", () => {
  const map = new BoundedMap<string>(10);
  map.set("used", "x");
  for (let i = 0; i < 1_000; i++) {
    map.set(`key-${i}`, "y");
    assert.equal(map.get("used"), "x");
  }
});

Deno.test("BoundedMap never answers with a value that was replaced or deleted", () => {
  const map = new BoundedMap<number>(4);
  map.set("a", 1);
  map.set("b", 1);
  map.set("c", 1); // "a" and "b" are old now.
  map.set("a", 2);
  map.set("d", 1);
  assert.equal(map.get("a"), 2);
  map.delete("a");
  assert.equal(map.get("a"), undefined);
  map.clear();
  assert.equal(map.get("d"), undefined);
  assert.equal(map.size, 0);
});

Deno.test("BoundedMap is no object with a prototype", () => {
  const map = new BoundedMap<number>(4);
  for (const name of ["__proto__", "constructor", "toString"]) {
    assert.equal(map.get(name), undefined);
  }
});
