type Defined<T> = string extends keyof T ? { [name: string]: Exclude<T[keyof T], undefined> }
  : { [K in keyof T]?: Exclude<T[K], undefined> };

/** Leaves out what is `undefined`: to the registry, a field that is there is a field to set. */
export function withoutUndefined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as Defined<T>;
}
