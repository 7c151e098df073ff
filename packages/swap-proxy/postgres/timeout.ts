/** A statement that was given up. The `code` is what the operator's log shows. */
export function queryTimedOut(milliseconds: number): Error {
  return Object.assign(new Error(`Postgres did not answer within ${milliseconds} ms`), {
    code: "QUERY_TIMEOUT",
  });
}

/** What `work` comes to, unless it takes longer. It is not stopped. */
export function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(queryTimedOut(milliseconds)), milliseconds);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
