/**
 * JSON as Postgres prints a `jsonb` value: members in the order of their names (shorter first, then by
 * bytes), one space after each comma and colon, numbers as plain decimals without trailing zeros.
 *
 * The database computes the seal over this very text, from the claims that PostgREST hands it.
 *
 * @param value What `JSON.parse` returns, in text that Postgres can hold.
 * @throws {TypeError} The value is not JSON, or has a lone surrogate or U+0000.
 */
export function canonicalJson(value: unknown): string {
  switch (typeof value) {
    case "string":
      return canonicalString(value);
    case "number":
      return canonicalNumber(value);
    case "boolean":
      return value ? "true" : "false";
    case "object":
      if (value === null) return "null";
      if (Array.isArray(value)) return `[${value.map(canonicalJson).join(", ")}]`;
      return canonicalObject(value);
    default:
      throw new TypeError(`Expected JSON, found a value of type "${typeof value}"`);
  }
}

function canonicalObject(object: object): string {
  const members = Object.entries(object);
  members.sort(([a], [b]) => compareNames(a, b));
  return `{${
    members.map(([name, value]) => `${canonicalString(name)}: ${canonicalJson(value)}`).join(", ")
  }}`;
}

// deno-lint-ignore no-control-regex -- "not ASCII" has no other spelling
const NOT_ASCII = /[^\x00-\x7f]/;
const encoder = new TextEncoder();

function compareNames(a: string, b: string): number {
  if (NOT_ASCII.test(a) || NOT_ASCII.test(b)) {
    return compareBytes(encoder.encode(a), encoder.encode(b));
  }
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : 1;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return a.length - b.length;
  const at = a.findIndex((byte, index) => byte !== b[index]);
  return (a[at] ?? 0) - (b[at] ?? 0);
}

/** JSON.stringify escapes exactly what Postgres does, once lone surrogates are ruled out. */
function canonicalString(text: string): string {
  if (!text.isWellFormed() || text.includes("\0")) {
    throw new TypeError("Expected text without lone surrogates and U+0000");
  }
  return JSON.stringify(text);
}

/**
 * Every digit of the shortest decimal that reads as this number, which is also what `JSON.stringify` puts into
 * the token: `1e21` becomes 1 and 21 zeros, `1e-7` becomes `0.0000001`.
 */
function canonicalNumber(number: number): string {
  if (!Number.isFinite(number)) throw new TypeError(`Expected a finite number, found "${number}"`);
  const [mantissa = "", exponent] = String(number).split("e");
  if (exponent === undefined) return mantissa;
  const [, sign = "", whole = "", fraction = ""] = /^(-?)(\d)(?:\.(\d+))?$/.exec(mantissa) ?? [];
  const digits = whole + fraction;
  const point = 1 + Number(exponent);
  return point > 0 ? sign + digits.padEnd(point, "0") : `${sign}0.${"0".repeat(-point)}${digits}`;
}
