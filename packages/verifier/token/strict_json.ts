import { JwtVerificationError } from "../errors.ts";
import { isExactNumber } from "./exact_number.ts";

const MAX_DEPTH = 32;
const QUOTE = 0x22;
const COLON = 0x3a;
const BACKSLASH = 0x5c;

// ignoreBOM keeps a byte order mark in the text, where it isn't JSON (RFC 8259 §8.1).
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A JSON object, deeply frozen. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads bytes as one JSON object that means the same to every reader (RFC 8259, RFC 7493).
 *
 * Refused besides what is not JSON: a duplicate member at any level, since Postgres and we could each
 * believe another one (RFC 7515 §4, RFC 7519 §4); lone surrogates and U+0000, which Postgres cannot hold; a
 * number beyond 2^53 - 1 or with more digits than a double holds, which would change on its way to Postgres; a member called `__proto__`, which
 * some ways of copying an object turn into its prototype; and deep nesting.
 *
 * @throws {JwtVerificationError} `malformed`.
 */
export function parseJsonObject(bytes: Uint8Array): JsonObject {
  let text: string;
  let value: unknown;
  try {
    text = utf8.decode(bytes);
    value = JSON.parse(text);
  } catch {
    // The SyntaxError quotes the token, so it can't become the cause.
    throw malformed("Expected header and payload to be JSON in UTF-8");
  }
  if (!isObject(value)) throw malformed("Expected header and payload to be JSON objects");
  if (inspect(value, 1) !== checkText(text)) {
    throw malformed("Expected no member of header or payload to appear twice");
  }
  return value;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Counts the members that the text spells: `JSON.parse` kept fewer of them if some appeared twice. Refuses a number that
 * it has rounded.
 */
function checkText(validJson: string): number {
  let members = 0;
  let inString = false;
  for (let index = 0; index < validJson.length; index++) {
    const unit = validJson.charCodeAt(index);
    if (unit === QUOTE) inString = !inString;
    else if (inString && unit === BACKSLASH) index++;
    else if (inString) continue;
    else if (unit === COLON) members++;
    else if (isNumeric(unit)) {
      const start = index;
      while (isNumeric(validJson.charCodeAt(index + 1))) index++;
      if (!isExactNumber(validJson.slice(start, index + 1))) {
        throw malformed("Expected numbers in header and payload to have at most 17 digits");
      }
    }
  }
  return members;
}

/** Whether a character outside strings is part of a number: a digit, `.`, `+`, `-`, or an exponent's `E`. */
function isNumeric(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39 || unit === 0x2e || unit === 0x2b || unit === 0x2d ||
    unit === 0x45 || unit === 0x65;
}

/** Counts the members that `JSON.parse` kept, and freezes what it visits. */
function inspect(value: unknown, depth: number): number {
  if (typeof value === "string") checkString(value);
  if (typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    throw malformed("Expected numbers of at most 2^53 - 1 in header and payload");
  }
  if (typeof value !== "object" || value === null) return 0;
  if (depth > MAX_DEPTH) throw malformed(`Expected at most ${MAX_DEPTH} levels of nesting`);

  let members = 0;
  for (const [name, member] of Object.entries(value)) {
    if (!Array.isArray(value)) {
      checkString(name);
      if (name === "__proto__") throw malformed('Expected no member named "__proto__"');
      members++;
    }
    members += inspect(member, depth + 1);
  }
  // A verified token's claims are shared by every caller that presents it again.
  Object.freeze(value);
  return members;
}

function checkString(text: string): void {
  if (!text.isWellFormed() || text.includes("\0")) {
    throw malformed("Expected text that Postgres can hold: no lone surrogate, no U+0000");
  }
}

function malformed(message: string): JwtVerificationError {
  return new JwtVerificationError("malformed", message);
}
