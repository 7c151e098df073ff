import assert from "node:assert/strict";
import { backoff, isWrongPassword } from "./backoff.ts";

/** As postgres.js has it, underneath an error of somebody else's. */
const caused = (code: string) => new Error("a", { cause: Object.assign(new Error("b"), { code }) });
/** As deno-postgres has it. */
const fields = (code: string) => Object.assign(new Error("a"), { fields: { code } });

/** The shortest and the longest of many draws. */
function range(failures: number, error: unknown): [number, number] {
  const draws = Array.from({ length: 500 }, () => backoff(failures, error));
  return [Math.min(...draws), Math.max(...draws)];
}

function assertWithin([least, most]: [number, number], from: number, to: number): void {
  assert.ok(least >= from && most <= to, `${least} to ${most}, expected ${from} to ${to}`);
  // At random, so that workers do not come back in step.
  assert.ok(most > least);
}

Deno.test("backoff() tries a wrong password again after two seconds, and then every ten minutes", () => {
  for (const wrong of [caused("28P01"), fields("28P01")]) {
    assertWithin(range(1, wrong), 2_000, 2_200);
    for (const failures of [2, 3, 1_000]) assertWithin(range(failures, wrong), 600_000, 660_000);
  }
});

Deno.test("backoff() waits up to half a second in an outage, and up to half a minute without access", () => {
  for (const outage of [caused("ECONNREFUSED"), new Error("a"), undefined, "a"]) {
    assertWithin(range(1, outage), 50, 100);
    assertWithin(range(1_000, outage), 250, 500);
  }
  assertWithin(range(1, caused("28000")), 500, 1_000);
  assertWithin(range(1_000, fields("28000")), 15_000, 30_000);
});

Deno.test("backoff() waits as long as the client says", () => {
  assert.equal(backoff(7, Object.assign(caused("28P01"), { retryAfter: 1_234 })), 1_234);
});

Deno.test("isWrongPassword() finds the state in a chain of causes, and ends where that is a circle", () => {
  assert.equal(isWrongPassword(new Error("a", { cause: caused("28P01") })), true);
  assert.equal(isWrongPassword(caused("28000")), false);
  assert.equal(isWrongPassword({ code: "28P01" }), false);
  const circle = new Error("a");
  circle.cause = circle;
  assert.equal(isWrongPassword(circle), false);
});
