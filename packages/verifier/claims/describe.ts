/** What a claim of the wrong type is instead, for whoever signed the token: its kind, and a number as it stands. */
export function describe(value: unknown): string {
  if (value === undefined) return "none";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "number"
    ? String(value)
    : `${typeof value === "object" ? "an" : "a"} ${typeof value}`;
}
