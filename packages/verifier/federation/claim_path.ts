import type { JsonObject } from "../token/strict_json.ts";

/**
 * Reads the claim that a path names.
 *
 * A path that begins with `/` is a JSON Pointer (RFC 6901) through nested objects, such as `/kubernetes.io/namespace`.
 * Any other is the name of a top-level claim, so that a name may hold dots, colons and slashes.
 *
 * **Does not** look into arrays, or at what an object inherits.
 *
 * @returns The claim's value, or `undefined` if there is none.
 */
export function claimAt(claims: JsonObject, path: string): unknown {
  if (!path.startsWith("/")) return memberOf(claims, path);
  let value: unknown = claims;
  for (const token of path.slice(1).split("/")) {
    value = memberOf(value, token.replaceAll("~1", "/").replaceAll("~0", "~"));
  }
  return value;
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
      Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}
