import assert from "node:assert/strict";
import { innermostCause, stackFrames } from "./error_cause.ts";

const caused = (cause: unknown) => new Error("outer", { cause });

Deno.test("innermostCause() never tells a message", () => {
  const secret = "postgres://user:hunter2@db";
  for (
    const cause of [new Error(secret), new TypeError(secret, { cause: new RangeError(secret) })]
  ) {
    assert.doesNotMatch(String(innermostCause(caused(cause))), /hunter2/);
  }
  for (const code of [secret, "42P01; drop", "x".repeat(49), "a\nb"]) {
    assert.equal(innermostCause(caused(Object.assign(new Error(secret), { code }))), "Error");
  }
});

Deno.test("innermostCause() tells a code, or the class of what failed underneath", () => {
  assert.equal(innermostCause(caused(Object.assign(new Error("x"), { code: "42P01" }))), "42P01");
  assert.equal(
    innermostCause(
      caused(new Error("x", { cause: Object.assign(new Error("y"), { code: "ECONNREFUSED" }) })),
    ),
    "ECONNREFUSED",
  );
  assert.equal(innermostCause(caused(new RangeError("x"))), "RangeError");
  assert.equal(innermostCause(new Error("alone")), undefined);
});

Deno.test("stackFrames() tells where, and not what", () => {
  const frames = stackFrames(new Error("hunter2\n    and a second line"));
  assert.doesNotMatch(frames, /hunter2|second line/);
  assert.match(frames, /^\s+at .*error_cause_test\.ts/);
  assert.ok(frames.split("\n").length <= 8);
  for (const thrown of [undefined, "hunter2", { stack: "at hunter2" }]) {
    assert.equal(stackFrames(thrown), "");
  }
});
