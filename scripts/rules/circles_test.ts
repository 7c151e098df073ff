import assert from "node:assert/strict";
import { circleRule, circlesIn } from "./circles.ts";

Deno.test("circlesIn() finds a circle of two, of three, and of one", () => {
  const imports = new Map([
    ["a", ["b"]],
    ["b", ["c", "a"]],
    ["c", ["d"]],
    ["d", ["b"]],
    ["e", ["e"]],
  ]);
  assert.deepEqual(circlesIn(imports), [["b", "c", "d", "b"], ["a", "b", "a"], ["e", "e"]]);
});

Deno.test("circlesIn() takes no diamond for a circle", () => {
  assert.deepEqual(circlesIn(new Map([["a", ["b", "c"]], ["b", ["d"]], ["c", ["d"]]])), []);
});

Deno.test("circleRule() finds none in the product", async () => {
  assert.deepEqual(await circleRule(), []);
});
