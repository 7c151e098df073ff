import { errorCodes } from "../error_codes.ts";

/** Milliseconds between attempts while Postgres is away: well again within a second of its return. */
const OUTAGE = { first: 100, most: 500 };
/** Milliseconds between attempts where there is no way in for this role: nobody mends that within seconds. */
const UNAUTHORIZED = { first: 1_000, most: 30_000 };
/**
 * Milliseconds until a password that was refused is tried again, and from then on. Two attempts in ten minutes
 * are all that Supabase allows: the third has the address banned from the database for half an hour.
 */
const WRONG_PASSWORD = { again: 2_000, ever: 600_000 };

/** Milliseconds until a password that was refused may be tried again, whatever the server says. */
export function wrongPasswordPause(isFirst: boolean): number {
  const { again, ever } = WRONG_PASSWORD;
  return (isFirst ? again : ever) * (1 + Math.random() / 10);
}

/** Whether this is SQLSTATE `invalid_password`. */
export function isWrongPassword(error: unknown): boolean {
  return errorCodes(error).includes("28P01");
}

/** What a client says itself of when to ask again, in milliseconds. */
function retryAfter(error: unknown): number | undefined {
  const hint: unknown = error instanceof Error ? Reflect.get(error, "retryAfter") : undefined;
  return typeof hint === "number" ? hint : undefined;
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
  const hint = retryAfter(error);
  if (hint !== undefined) return hint;
  const codes = errorCodes(error);
  if (codes.includes("28P01")) return wrongPasswordPause(failures === 1);
  // Class 28 is invalid authorization.
  const { first, most } = codes.some((code) => /^28[0-9A-Z]{3}$/.test(code))
    ? UNAUTHORIZED
    : OUTAGE;
  const delay = Math.min(first * 2 ** Math.min(failures - 1, 16), most);
  return delay * (0.5 + Math.random() / 2);
}
