import assert from "node:assert/strict";
import { PostgresConnectionError } from "../errors.ts";
import { withTimeout } from "./timeout.ts";

Deno.test("withTimeout() gives up work that takes longer", async () => {
  await assert.rejects(withTimeout(10, new Promise(() => {})), (error) => {
    assert.ok(error instanceof PostgresConnectionError);
    assert.equal(error.code, "QUERY_TIMEOUT");
    assert.equal(error.message, "Postgres did not answer within 10 ms");
    return true;
  });
});

// The test's sanitizer fails on a timer that is left.
Deno.test("withTimeout() hands on what the work comes to, and leaves no timer", async () => {
  assert.equal(await withTimeout(60_000, Promise.resolve(1)), 1);
  const failure = new Error("its own");
  await assert.rejects(withTimeout(60_000, Promise.reject(failure)), failure);
});
