import type { Field } from "../fields/field.ts";
import type { RegistryValue, RegistryValues } from "../fields/value.ts";
import type { JsonSchema } from "../fields/field_types.ts";

/** The kinds of rows that a file declares. */
export type SectionName = "issuers" | "keys" | "providers" | "rules";

/** One row, of the file or of the registry. */
export interface RegistryEntry {
  /** What tells it from the others of its section: an issuer's or a rule's name, a key's ID, a provider's `iss`. */
  readonly key: string;
  /** The issuer that it belongs to; of a provider its `iss`. */
  readonly issuer: string;
  /** Columns that are set when the row is made, and never again. */
  readonly identity: Readonly<Record<string, string>>;
  /** Every other column that a file may set. */
  readonly values: RegistryValues;
}

/** What is known of an entry of the file before its fields are read. */
export interface Identified {
  readonly key: string;
  readonly issuer: string;
  readonly identity: Readonly<Record<string, string>>;
  /** What fields that the file leaves out hold, where it is not their standard. */
  readonly standards?: RegistryValues;
}

/** What an entry's identity is found from. */
export interface EntrySource {
  /** Its name in the file, or that of the entry around it. */
  readonly name: string;
  /** Its members that are not fields. */
  readonly members: ReadonlyMap<string, unknown>;
  /** Reads a file beside the declaration. Throws a `RangeError` that says why it can't. */
  readonly readKeyFile: (path: string) => Promise<string>;
}

/** A member that is no column by itself. */
export interface Member {
  readonly about: string;
  readonly schema: JsonSchema;
}

/**
 * A kind of entry: where it stands in the file, which table holds it, and what may be said of it.
 *
 * Reading, exporting, comparing, applying, the SQL and the JSON Schema all go by this.
 */
export interface Section {
  readonly name: SectionName;
  /** What one of them is called. */
  readonly kind: "issuer" | "key" | "provider" | "rule";
  readonly about: string;
  /** The section inside whose entries this one's stand, as an array of tables. Else they stand at the top, by name. */
  readonly within?: SectionName;
  readonly relation:
    | "jwt_issuers"
    | "jwt_public_keys"
    | "jwt_oidc_providers"
    | "jwt_federation_rules";
  /** The column that holds an entry's key. */
  readonly keyColumn: string;
  /** Columns of `identity`. */
  readonly identityColumns: readonly string[];
  /**
   * Columns to read from another relation instead, in which the key has the same name. They are in its rows, or in the
   * objects of which one of their columns is a list.
   */
  readonly computed?: {
    readonly relation: "jwt_issuer_policies" | "jwt_federation_policies";
    readonly order: string;
    readonly listColumn?: string;
    readonly columns: readonly string[];
  };
  readonly fields: readonly Field[];
  readonly members: Readonly<Record<string, Member>>;
  /** What the JSON Schema says of an entry's name, where it stands at the top. Default: anything. */
  readonly nameSchema?: JsonSchema;
  /** What the JSON Schema says of an entry besides its members. */
  readonly constraints?: JsonSchema;
  /** Finds out which row an entry of the file is about. Throws a `RangeError` that says what was expected. */
  identify(source: EntrySource): Promise<Identified>;
  /** The members by which an export names a row. */
  exported(entry: RegistryEntry): Readonly<Record<string, string>>;
  /** What contradicts itself in what the file says; `undefined` if nothing does. */
  contradiction(values: RegistryValues): string | undefined;
  /** Why a new row lets in tokens that were refused before; nothing if it does not. */
  additionLoosens(values: RegistryValues): readonly string[];
}

/** The value of a column, which every entry has. */
export function valueIn(values: RegistryValues, column: string): RegistryValue {
  const value = values[column];
  if (value === undefined) throw new TypeError(`Expected an entry with the column "${column}"`);
  return value;
}
