import type { Row } from "../../store/registry_store.ts";
import type { FieldType } from "./field_types.ts";
import type { RegistryValue } from "./value.ts";

/** A column of the registry that a file may set. */
export interface Field {
  readonly column: string;
  /** What editors show beside it. */
  readonly about: string;
  readonly type: FieldType<RegistryValue>;
  /** What the column holds where the file leaves it out: the database's own default. */
  readonly standard: RegistryValue;
  /** Whether an export names it also where it is the standard. */
  readonly isAlwaysWritten?: boolean;
  /** Why going from one value to the other lets in tokens that were refused before; nothing if it does not. */
  loosens(before: RegistryValue, after: RegistryValue): readonly string[];
}

/** Makes a field whose judgement sees the column's own type. */
export function field<T extends RegistryValue>(
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
export function optionalField<T extends RegistryValue>(
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
export function valueOf({ column, type }: Field, row: Row): RegistryValue {
  return row[column] === null ? null : type.fromRow(row, column);
}
