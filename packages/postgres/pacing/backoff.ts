import { errorCodes } from "../error_codes.ts";

/** Milliseconds between attempts during an outage: recovered within a second of its end. */
const OUTAGE = { first: 100, most: 500 };
/** Milliseconds between attempts while the role is not admitted, which takes a person to correct. */
const UNAUTHORIZED = { first: 1_000, most: 30_000 };
/**
 * Milliseconds until a password that was refused is tried again, and from then on. Two attempts in ten minutes
 * are all that Supabase allows: the third has the address banned from the database for half an hour.
 */
const WRONG_PASSWORD = { first: 2_000, then: 600_000 };

/** Milliseconds until a password that was refused may be tried again. */
export function wrongPasswordPause(isFirst: boolean): number {
  const { first, then } = WRONG_PASSWORD;
  return (isFirst ? first : then) * (1 + Math.random() / 10);
}

/** Whether this is SQLSTATE `invalid_password`. */
export function isWrongPassword(error: unknown): boolean {
  return errorCodes(error).includes("28P01");
}

/** Milliseconds that the client itself asks for. */
function retryAfter(error: unknown): number | undefined {
  const hint: unknown = error instanceof Error ? Reflect.get(error, "retryAfter") : undefined;
  return typeof hint === "number" ? hint : undefined;
}

/**
 * How long to wait after a failure: longer each time up to a bound, and at random within the upper half of that, so
 * that workers do not come back in step.
 *
 * @param failures Failures in a row, from 1.
 * @param error The last of them.
 * @returns Milliseconds.
 *
 * @example Wait after a refused password
 * ```ts
 * import { backoff } from "@countersign/postgres";
 * import assert from "node:assert/strict";
 *
 * const refused = Object.assign(new Error("refused"), { code: "28P01" });
 * assert.ok(backoff(1, refused) >= 2_000);
 * assert.ok(backoff(2, refused) >= 600_000);
 * ```
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
