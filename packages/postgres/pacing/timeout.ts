import { PostgresConnectionError } from "../errors.ts";

/** A statement that was given up. The `code` is what the operator's log shows. */
export function queryTimedOut(milliseconds: number): Error {
  return new PostgresConnectionError(
    "QUERY_TIMEOUT",
    `Postgres did not answer within ${milliseconds} ms`,
  );
}

/**
 * Waits for work, but not for longer than a time.
 *
 * **Does not** stop the work.
 *
 * @param milliseconds How long to wait.
 * @param work What to wait for.
 * @returns What the work comes to.
 * @throws {PostgresConnectionError} `QUERY_TIMEOUT`.
 *
 * @example Give up work that takes too long
 * ```ts
 * import { withTimeout } from "@countersign/postgres";
 * import assert from "node:assert/strict";
 *
 * await assert.rejects(withTimeout(10, new Promise(() => {})), { code: "QUERY_TIMEOUT" });
 * ```
 */
export function withTimeout<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(queryTimedOut(milliseconds)), milliseconds);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
