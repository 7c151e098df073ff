/**
 * Reads a clock.
 *
 * @param now Milliseconds since the epoch.
 * @returns Seconds since the epoch, with fractions.
 * @throws {TypeError} The clock is broken: every comparison with NaN is false, and no token would expire.
 */
export function readClock(now: () => number = Date.now): number {
  const seconds = now() / 1000;
  if (Number.isFinite(seconds)) return seconds;
  throw new TypeError('Expected "now" to return milliseconds since the epoch');
}
