/** What a column holds, in the form that the file and the registry have in common. Times are ISO 8601, durations seconds. */
export type RegistryValue = string | number | boolean | readonly string[] | null;

/** The values of one entry, by column. */
export type RegistryValues = Readonly<Record<string, RegistryValue>>;

/** Whether two values mean the same. Lists are sets: their order decides nothing. */
export function sameValue(one: RegistryValue, other: RegistryValue): boolean {
  if (isList(one) && isList(other)) {
    return one.every((item) => other.includes(item)) && other.every((item) => one.includes(item));
  }
  return one === other;
}

/** Whether a value is a list; `Array.isArray` does not narrow a read-only one. */
export function isList(value: RegistryValue): value is readonly string[] {
  return Array.isArray(value);
}
