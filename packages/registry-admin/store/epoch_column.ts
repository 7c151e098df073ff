import { RegistryError } from "../errors.ts";

/** Seconds since the epoch as a column takes them: ISO 8601, `null` for none, `undefined` for unchanged. */
export function epochColumn(
  name: string,
  seconds: number | null | undefined,
): string | null | undefined {
  if (seconds === undefined || seconds === null) return seconds;
  const time = new Date(seconds * 1000);
  if (!Number.isSafeInteger(seconds) || Number.isNaN(time.getTime())) {
    throw new RegistryError(
      "invalid_argument",
      `Expected ${name} to be a whole number of seconds since the epoch`,
    );
  }
  return time.toISOString();
}
