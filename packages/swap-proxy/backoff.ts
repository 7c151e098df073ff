/** Milliseconds between attempts while Postgres is away: well again within a second of its return. */
const OUTAGE = { first: 100, most: 500 };
/** Milliseconds between attempts with credentials that were refused: a pooler blocks the project for less. */
const REFUSED = { first: 1_000, most: 30_000 };

/** Class 28 of SQLSTATE: invalid authorization. */
function isCredentialsRefused(error: unknown): boolean {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 8; depth++) {
    if (/^28[0-9A-Z]{3}$/.test(sqlState(cause))) return true;
    cause = cause.cause;
  }
  return false;
}

/** postgres.js puts the SQLSTATE in `code`, deno-postgres in `fields.code`. */
function sqlState(error: Error): string {
  const fields: unknown = Reflect.get(error, "fields");
  const code: unknown = typeof fields === "object" && fields !== null
    ? Reflect.get(fields, "code")
    : Reflect.get(error, "code");
  return typeof code === "string" ? code : "";
}

/**
 * How long to leave Postgres alone after a failure: longer each time up to a bound, and at random within the
 * upper half of that, so that workers don't come back in step.
 *
 * @param failures Failures in a row, from 1.
 * @param error The last of them.
 * @returns Milliseconds.
 */
export function backoff(failures: number, error: unknown): number {
  const { first, most } = isCredentialsRefused(error) ? REFUSED : OUTAGE;
  const delay = Math.min(first * 2 ** Math.min(failures - 1, 16), most);
  return delay * (0.5 + Math.random() / 2);
}
