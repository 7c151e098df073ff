import type { Row } from "../../store/registry_store.ts";
import { object } from "../../store/rows.ts";
import { type FieldType, type FileTable, isName, type JsonSchema } from "./field_types.ts";

const MOST_MEMBERS = 32;
const MOST_VALUES = 256;
const MOST_CHARACTERS = 1024;

const VALUE_SCHEMA: JsonSchema = {
  anyOf: [
    { type: "string", minLength: 1, maxLength: MOST_CHARACTERS },
    { type: "integer" },
    { type: "boolean" },
  ],
};

/** A rule's conditions: a claim's path, and a value, a prefix, or a list of them. */
export const conditionsType: FieldType<string> = jsonType({
  schema: {
    type: "object",
    minProperties: 1,
    maxProperties: MOST_MEMBERS,
    additionalProperties: {
      anyOf: [
        VALUE_SCHEMA,
        { type: "array", items: VALUE_SCHEMA, minItems: 1, maxItems: MOST_VALUES },
      ],
    },
  },
  expected:
    'a table of 1 to 32 claims, each with a value, a list of values, or a prefix with "*" or "**" at its end',
  isValid: (table) => {
    const conditions = Object.entries(table);
    return conditions.length >= 1 && conditions.length <= MOST_MEMBERS &&
      conditions.every(([path, wanted]) =>
        isName(path) && path !== "__proto__" &&
        (Array.isArray(wanted)
          ? wanted.length >= 1 && wanted.length <= MOST_VALUES && wanted.every(isValue)
          : isValue(wanted))
      );
  },
});

/** A rule's map of claims: a name, and the path of the claim that it is taken from. */
export const claimsMapType: FieldType<string> = jsonType({
  schema: {
    type: "object",
    maxProperties: MOST_MEMBERS,
    additionalProperties: { type: "string", minLength: 1, maxLength: 255 },
  },
  expected: "a table of at most 32 claims, each with the claim that it is taken from",
  isValid: (table) =>
    Object.keys(table).length <= MOST_MEMBERS &&
    Object.entries(table).every(([name, path]) =>
      isName(name) && name !== "__proto__" && isName(path)
    ),
});

/** A provider's JSON Web Key Set. */
export const jwksType: FieldType<string> = jsonType({
  schema: {
    type: "object",
    required: ["keys"],
    properties: { keys: { type: "array", items: { type: "object" }, minItems: 1, maxItems: 50 } },
  },
  expected: "a table with the list of public keys called keys, as in a JSON Web Key Set",
  isValid: ({ keys }) => Array.isArray(keys) && keys.length >= 1 && keys.length <= 50,
});

/** A table that the registry keeps as `jsonb`. Its value is that as text, with members by name, so that two can be compared. */
function jsonType(
  { schema, expected, isValid }: {
    readonly schema: JsonSchema;
    readonly expected: string;
    readonly isValid: (table: FileTable) => boolean;
  },
): FieldType<string> {
  return {
    schema,
    fromFile(value) {
      if (!isTable(value) || !isJson(value) || !isValid(value)) {
        throw new RangeError(`Expected ${expected}`);
      }
      return canonical(value);
    },
    toFile: (json) => JSON.parse(json),
    fromRow: (row: Row, column: string) => canonical(object(row, column)),
    toColumn: (json) => JSON.parse(json),
  };
}

function isTable(value: unknown): value is FileTable {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Date);
}

/** TOML has times, which JSON has not, and numbers that are none. */
function isJson(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isJson);
  if (isTable(value)) return Object.values(value).every(isJson);
  return typeof value === "string" || typeof value === "boolean" || Number.isSafeInteger(value);
}

function isValue(value: unknown): boolean {
  return typeof value === "string"
    ? /^[^*\p{Cc}]+\*{0,2}$/u.test(value) && value.length <= MOST_CHARACTERS
    : typeof value === "boolean" || Number.isSafeInteger(value);
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (!isTable(value)) return JSON.stringify(value);
  const members = Object.keys(value).sort()
    .map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`);
  return `{${members.join(",")}}`;
}
