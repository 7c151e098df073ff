/**
 * Refuses options with a member that nothing reads: in JavaScript a misspelled option would switch a check off
 * without a word.
 *
 * @param options Anything that a caller passed as options.
 * @param known The names that are read.
 * @throws {TypeError} It is not an object, or has another member. The message names it, and never its value.
 *
 * @example A misspelled option
 * ```ts
 * import assert from "node:assert/strict";
 * import { checkMembers } from "@countersign/verifier";
 *
 * assert.throws(() => checkMembers({ audiance: "x" }, new Set(["audience"])), /"audiance"/);
 * ```
 */
export function checkMembers(options: object, known: ReadonlySet<string>): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError("Expected options to be an object");
  }
  for (const name in options) {
    if (known.has(name)) continue;
    throw new TypeError(
      `Unknown option "${name}", expected one of ${
        Array.from(known, (own) => `"${own}"`).join(", ")
      }`,
    );
  }
}
