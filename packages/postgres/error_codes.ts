/** Errors underneath one another that are looked at: a chain may be a circle. */
const MAX_DEPTH = 8;

/**
 * The codes of an error and of its causes: SQLSTATEs, errno names, and this package's own.
 *
 * **Does not** return a message: a driver's may quote what it was given.
 *
 * @param error Anything that was thrown. postgres.js has the code in `code`, deno-postgres in `fields.code`.
 * @returns The codes, the outermost first.
 *
 * @example Find a SQLSTATE
 * ```ts
 * import { errorCodes } from "@countersign/postgres";
 * import assert from "node:assert/strict";
 *
 * const refused = Object.assign(new Error("refused"), { code: "28P01" });
 * assert.deepEqual(errorCodes(new Error("The registry cannot be read", { cause: refused })), ["28P01"]);
 * ```
 */
export function errorCodes(error: unknown): string[] {
  return errorChain(error).map(codeOf).filter((code) => typeof code === "string");
}

/**
 * An error and its causes.
 *
 * @param error Anything that was thrown.
 * @returns At most 8 errors, the outermost first; none of what is no error.
 *
 * @example Find the innermost
 * ```ts
 * import { errorChain } from "@countersign/postgres";
 * import assert from "node:assert/strict";
 *
 * const refused = new TypeError("refused");
 * assert.equal(errorChain(new Error("unavailable", { cause: refused })).at(-1), refused);
 * ```
 */
export function errorChain(error: unknown): Error[] {
  const chain: Error[] = [];
  for (let cause = error; cause instanceof Error && chain.length < MAX_DEPTH; cause = cause.cause) {
    chain.push(cause);
  }
  return chain;
}

function codeOf(error: Error): unknown {
  const fields: unknown = Reflect.get(error, "fields");
  return typeof fields === "object" && fields !== null
    ? Reflect.get(fields, "code")
    : Reflect.get(error, "code");
}
