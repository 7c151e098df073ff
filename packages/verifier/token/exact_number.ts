/** Up to fifteen digits every double is printed as it was read. */
const SHORT = /^-?\d{1,15}$/;

/**
 * Tells whether a number of JSON is the value that it is read as: read and written again, no digit of it changes.
 *
 * @param literal A number as RFC 8259 §6 has it. The `e` of `true` and `false` counts as one.
 */
export function isExactNumber(literal: string): boolean {
  if (SHORT.test(literal) || literal === "e") return true;
  return decimal(literal) === decimal(String(Number(literal)));
}

/** A regular expression would try each zero of a long row as the first of the last ones. */
function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (digits[end - 1] === "0") end--;
  return digits.slice(0, end);
}

/** One spelling for each value: its digits without zeros at either end, and a power of ten. */
function decimal(literal: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(literal) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  const significant = withoutTrailingZeros(digits);
  if (significant === "") return whole === "" ? literal : "0";
  const power = Number(exponent) - fraction.length + (digits.length - significant.length);
  return `${sign}${significant}e${power}`;
}
