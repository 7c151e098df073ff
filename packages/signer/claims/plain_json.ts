import { SignerError } from "../errors.ts";

const DEEPEST = 32;

/**
 * Copies a value that is plain JSON.
 *
 * `JSON.stringify` alone would drop `undefined`, turn `NaN` into `null` and a `Map` into `{}`, in silence. What
 * is JSON but cannot reach a policy unchanged (RFC 7493 §2, and what Postgres can hold) is refused by targets,
 * so it is better refused here. The copy is what was checked: a getter could answer differently the next time.
 */
export function plainJson(value: unknown, path = "", depth = 1): unknown {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "string") return checkedText(value, path);
  if (typeof value === "number") {
    if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return value;
    throw notJson("a number from -(2^53 - 1) to 2^53 - 1", path);
  }
  if (Array.isArray(value)) {
    checkDepth(depth, path);
    // Of every index, holes too.
    return Array.from(value, (item, index) => plainJson(item, `${path}[${index}]`, depth + 1));
  }
  if (!isPlainObject(value)) throw notJson("plain JSON", path, kindOf(value));
  checkDepth(depth, path);
  const copied = Object.entries(value).map(([name, item]) =>
    [name, plainJson(item, memberPath(path, name), depth + 1)] as const
  );
  return Object.fromEntries(copied);
}

function checkDepth(depth: number, path: string): void {
  if (depth > DEEPEST) throw notJson(`at most ${DEEPEST} levels of nesting`, path);
}

function memberPath(path: string, name: string): string {
  checkedText(name, path);
  if (name === "__proto__") throw notJson('no member named "__proto__"', path);
  return path === "" ? name : `${path}.${name}`;
}

function checkedText(text: string, path: string): string {
  if (isPostgresText(text)) return text;
  throw notJson("text that Postgres can hold", path, "a lone surrogate or U+0000");
}

/** Text that Postgres can hold: no lone surrogate, no U+0000. */
export function isPostgresText(text: string): boolean {
  return text.isWellFormed() && !text.includes("\0");
}

/** Of this realm or another, with nothing inherited but from `Object.prototype`. */
export function isPlainObject(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function kindOf(value: unknown): string {
  return typeof value === "object" ? "an instance of a class" : `a value of type ${typeof value}`;
}

function notJson(expected: string, path: string, found?: string): SignerError {
  const where = path === "" ? "the claims" : `claim "${path}"`;
  const but = found === undefined ? "" : `, found ${found}`;
  return new SignerError("invalid_claims", `Expected ${expected} in ${where}${but}`);
}
