/** Names of issuers and audiences hold none of these; in a list they are the remains of another notation. */
// deno-lint-ignore no-control-regex -- finding them is the purpose
const NOT_IN_A_NAME = /[\u0000-\u001f\u007f-\u009f"'`[\]{}]/;
const MAX_NAME_LENGTH = 255;

/** A comma-separated list of names. */
export function list(value: string): string[] {
  const names = value.split(",").map((name) => name.trim()).filter((name) => name !== "");
  if (names.length === 0) throw new TypeError("Expected one name or more, separated by commas");
  if (names.some((name) => NOT_IN_A_NAME.test(name))) {
    throw new TypeError(
      "Expected names separated by commas, without brackets, quotes or line breaks",
    );
  }
  if (names.some((name) => name.length > MAX_NAME_LENGTH)) {
    throw new TypeError(`Expected names of at most ${MAX_NAME_LENGTH} characters`);
  }
  return names;
}

/** `true` or `false`, or another word for it. */
export function boolean(value: string): boolean {
  const word = value.toLowerCase();
  if (["true", "1", "yes", "on"].includes(word)) return true;
  if (["false", "0", "no", "off"].includes(word)) return false;
  throw new TypeError("Expected true or false");
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  "": 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
};

/**
 * Makes a reader of durations within bounds: `500ms`, `5s`, `1m`, `1h`, or a number of seconds.
 *
 * @param most Milliseconds; `label` is how the bound is written.
 */
export function durationUpTo(most: number, label: string): (value: string) => number {
  return (value) => {
    const [, digits, unit = ""] = /^(\d{1,9}(?:\.\d{1,3})?) ?(ms|s|m|min|h)?$/.exec(value) ?? [];
    const milliseconds = Number(digits) * (UNITS[unit] ?? NaN);
    if (!(milliseconds >= 1)) {
      throw new TypeError("Expected a duration such as 500ms, 5s or 1m");
    }
    if (milliseconds > most) {
      const hint = unit === "" ? "; a number without a unit is one of seconds" : "";
      throw new RangeError(`Expected a duration of at most ${label}${hint}`);
    }
    return milliseconds;
  };
}

/** A TCP port; 0 for a free one. */
export function port(value: string): number {
  const number = /^\d{1,5}$/.test(value) ? Number(value) : NaN;
  if (number <= 65_535) return number;
  throw new RangeError("Expected a port from 0 to 65535");
}
