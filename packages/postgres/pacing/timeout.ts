import { PostgresConnectionError } from "../errors.ts";

/** A statement that was given up. The `code` is what the operator's log shows. */
export function queryTimedOut(milliseconds: number): Error {
  return new PostgresConnectionError(
    "QUERY_TIMEOUT",
    `Postgres did not answer within ${milliseconds} ms`,
  );
}

/** What `work` comes to, unless it takes longer. It is not stopped. */
export function withTimeout<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(queryTimedOut(milliseconds)), milliseconds);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
