import type { Row } from "../../store/registry_store.ts";
import type { FieldType } from "./field_types.ts";

/** What a column holds, in the form that the file and the registry have in common. Times are ISO 8601, durations seconds. */
export type Value = string | number | boolean | readonly string[] | null;

/** The values of one entry, by column. */
export type Values = Readonly<Record<string, Value>>;

/** A column of the registry that a file may set. */
export interface Field {
  readonly column: string;
  /** What editors show beside it. */
  readonly about: string;
  readonly type: FieldType<Value>;
  /** What the column holds where the file leaves it out: the database's own default. */
  readonly standard: Value;
  /** Whether an export names it also where it is the standard. */
  readonly isAlwaysWritten?: boolean;
  /** Why going from one value to the other lets in tokens that were refused before; nothing if it does not. */
  loosens(before: Value, after: Value): readonly string[];
}

/** Makes a field whose judgement sees the column's own type. */
export function field<T extends Value>(
  column: string,
  definition: {
    readonly about: string;
    readonly type: FieldType<T>;
    readonly standard: T;
    readonly isAlwaysWritten?: boolean;
    readonly loosens: (before: T, after: T) => readonly string[];
  },
): Field {
  return { column, ...definition };
}

/** Makes a field whose column may be null, and is unless the file says otherwise. */
export function optionalField<T extends Value>(
  column: string,
  definition: {
    readonly about: string;
    readonly type: FieldType<T>;
    readonly loosens: (before: T | null, after: T | null) => readonly string[];
  },
): Field {
  return { column, standard: null, ...definition };
}

/** Reads a field from a row of the registry. */
export function valueOf({ column, type }: Field, row: Row): Value {
  return row[column] === null ? null : type.fromRow(row, column);
}

/** Whether two values mean the same. Lists are sets: their order decides nothing. */
export function sameValue(one: Value, other: Value): boolean {
  if (isList(one) && isList(other)) {
    return one.every((item) => other.includes(item)) && other.every((item) => one.includes(item));
  }
  return one === other;
}

/** Whether a value is a list; `Array.isArray` does not narrow a read-only one. */
export function isList(value: Value): value is readonly string[] {
  return Array.isArray(value);
}
