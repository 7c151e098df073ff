import { SignerError } from "../errors.ts";

const SECONDS_PER_UNIT: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3_600,
  d: 86_400,
  y: 31_557_600,
};

// Ten years: more than anyone needs, and less than a date given where a duration is meant.
const LONGEST = 315_576_000;

/** Seconds of a duration such as `"60s"`, or of whole seconds. A year is 365.25 days. */
export function durationSeconds(duration: string | number): number {
  const seconds = typeof duration === "number" ? duration : parse(duration);
  if (Number.isSafeInteger(seconds) && seconds > 0 && seconds <= LONGEST) return seconds;
  throw new SignerError(
    "invalid_duration",
    'Lifetime is not valid, expected "60s", "5m", "1h", "30d" or "5y", or whole seconds from 1 up to ten years; a date is not a lifetime',
  );
}

function parse(duration: unknown): number {
  if (typeof duration !== "string") return NaN;
  const [, amount, unit = ""] = /^(\d{1,9})([smhdy])$/.exec(duration) ?? [];
  return Number(amount) * (SECONDS_PER_UNIT[unit] ?? NaN);
}
