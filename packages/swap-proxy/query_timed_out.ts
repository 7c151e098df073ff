/** A statement that was given up. The `code` is what the operator's log shows. */
export function queryTimedOut(milliseconds: number): Error {
  return Object.assign(new Error(`Postgres did not answer within ${milliseconds} ms`), {
    code: "QUERY_TIMEOUT",
  });
}
