import assert from "node:assert/strict";
import { ConfigurationError } from "../errors.ts";
import { Environment } from "./environment.ts";
import { KNOWN_VARIABLES } from "./known_variables.ts";
import { withoutUndefined } from "./without_undefined.ts";

Deno.test("Environment collects all that is wrong, and repeats no value", () => {
  const env = new Environment({
    A: "hunter2",
    B: "hunter2",
    COUNTERSIGN_AUDIANCE: "hunter2",
    OTHER: "x",
  });
  const fail = () => {
    throw new TypeError("Expected a number");
  };
  assert.equal(env.parse("A", fail), undefined);
  assert.equal(env.parse("B", fail), undefined);
  env.refuseUnknown(KNOWN_VARIABLES);
  assert.ok(env.any);
  assert.throws(() => env.fail(), (error) => {
    assert.ok(error instanceof ConfigurationError);
    assert.deepEqual(error.problems.map(({ name }) => name), ["A", "B", "COUNTERSIGN_AUDIANCE"]);
    assert.doesNotMatch(error.message, /hunter2/);
    return true;
  });
});

Deno.test("Environment finds nothing wrong with what is right", () => {
  const env = new Environment({ COUNTERSIGN_AUDIENCE: "x", COUNTERSIGN_ADMIN_DB_URL: "y" });
  env.refuseUnknown(KNOWN_VARIABLES);
  assert.equal(env.parse("COUNTERSIGN_AUDIENCE", (value) => value.length), 1);
  assert.equal(env.any, false);
});

Deno.test("Environment leaves out white space, a shell's quotes, and what is empty", () => {
  const env = new Environment({ A: ' "a b" ', B: "''", C: "  ", D: "it's", E: "\"a'" });
  assert.deepEqual(["A", "B", "C", "D", "E", "F"].map((name) => env.get(name)), [
    "a b",
    undefined,
    undefined,
    "it's",
    "\"a'",
    undefined,
  ]);
  assert.equal(env.first("B", "C", "D", "A"), "D");
});

Deno.test("Environment lets an error of our own code through", () => {
  const env = new Environment({ A: "1" });
  assert.throws(() =>
    env.parse("A", () => {
      throw new SyntaxError("a defect");
    }), SyntaxError);
});

Deno.test("withoutUndefined() leaves out what has no value, and keeps every other one", () => {
  assert.deepEqual(withoutUndefined({ a: undefined, b: null, c: 0, d: "", e: false }), {
    b: null,
    c: 0,
    d: "",
    e: false,
  });
});
