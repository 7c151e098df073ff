/** Members whose content is somebody else's: rows by their columns, claims, a file by its own names. */
const VERBATIM: ReadonlySet<string> = new Set([
  "before",
  "after",
  "claims",
  "conditions",
  "document",
  "found",
  "jwks",
]);

/** Gives every member of a result a name in camel case, whatever table it comes from. */
export function camelCased(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelCased);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      isVariable(name) ? name : name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase()),
      VERBATIM.has(name) ? member : camelCased(member),
    ]),
  );
}

/** The name of an environment variable. */
function isVariable(name: string): boolean {
  return /^[A-Z][A-Z_]*$/.test(name);
}
