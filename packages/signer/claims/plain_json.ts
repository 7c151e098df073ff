import { SignerError } from "../errors.ts";

const DEEPEST = 32;

/**
 * `JSON.stringify` alone would drop `undefined`, turn `NaN` into `null` and a `Map` into `{}`, in silence. What
 * is JSON but cannot reach a policy unchanged (RFC 7493 §2, and what Postgres can hold) is refused by targets,
 * so it is better refused here.
 */
export function assertJson(value: unknown, path = "", depth = 1): void {
  if (value === null || typeof value === "boolean") return;
  if (typeof value === "string") return assertText(value, path);
  if (typeof value === "number") {
    if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return;
    throw notJson("a number from -(2^53 - 1) to 2^53 - 1", path);
  }
  const items = Array.isArray(value)
    // Of every index, holes too.
    ? Array.from(value, (item: unknown, index) => [`${path}[${index}]`, item] as const)
    : isPlainObject(value)
    ? Object.entries(value).map(([name, item]) => [memberPath(path, name), item] as const)
    : undefined;
  if (items === undefined) throw notJson("plain JSON", path, kindOf(value));
  if (depth > DEEPEST) throw notJson(`at most ${DEEPEST} levels of nesting`, path);
  for (const [itemPath, item] of items) assertJson(item, itemPath, depth + 1);
}

function memberPath(path: string, name: string): string {
  assertText(name, path);
  if (name === "__proto__") throw notJson('no member named "__proto__"', path);
  return path === "" ? name : `${path}.${name}`;
}

function assertText(text: string, path: string): void {
  if (isPostgresText(text)) return;
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
