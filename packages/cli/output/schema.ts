/** As much of JSON Schema (2020-12) as describes what commands print. */
export type Schema =
  | { readonly type: readonly ["string", "number", "boolean", "null", "array", "object"] }
  | { readonly type: "string"; readonly enum?: readonly string[]; readonly format?: string }
  | { readonly type: "number" | "integer" | "boolean" | "null" }
  | { readonly type: "array"; readonly items: Schema }
  | {
    readonly type: "object";
    readonly properties: Readonly<Record<string, Schema>>;
    readonly required: readonly string[];
    readonly additionalProperties: false;
  }
  | { readonly type: "object"; readonly additionalProperties: Schema | true }
  | { readonly anyOf: readonly Schema[] };

export const TEXT: Schema = { type: "string" };
export const NUMBER: Schema = { type: "number" };
export const WHOLE: Schema = { type: "integer" };
export const FLAG: Schema = { type: "boolean" };
/** ISO 8601, in UTC. */
export const INSTANT: Schema = { type: "string", format: "date-time" };
/** Rows by their columns, or claims by their names. */
export const ANY_OBJECT: Schema = { type: "object", additionalProperties: true };

/** A claim's value. */
export const ANYTHING: Schema = {
  type: ["string", "number", "boolean", "null", "array", "object"],
};

export function oneOf(...values: readonly string[]): Schema {
  return { type: "string", enum: values };
}

export function list(items: Schema): Schema {
  return { type: "array", items };
}

export function orNull(schema: Schema): Schema {
  return { anyOf: [schema, { type: "null" }] };
}

export function either(...schemas: readonly Schema[]): Schema {
  return { anyOf: schemas };
}

/** An object with exactly these members. A name that ends in `?` may be missing. */
export function object(members: Readonly<Record<string, Schema>>): Schema {
  const entries = Object.entries(members);
  return {
    type: "object",
    properties: Object.fromEntries(entries.map(([name, of]) => [name.replace(/\?$/, ""), of])),
    required: entries.flatMap(([name]) => name.endsWith("?") ? [] : [name]),
    additionalProperties: false,
  };
}

/** A schema as people read it, in the syntax of TypeScript. */
export function asType(schema: Schema, indent = ""): string {
  if ("anyOf" in schema) return schema.anyOf.map((part) => asType(part, indent)).join(" | ");
  switch (schema.type) {
    case "string":
      return schema.enum?.map((value) => JSON.stringify(value)).join(" | ") ?? "string";
    case "integer":
      return "number";
    case "array":
      return `${parenthesized(asType(schema.items, indent))}[]`;
    case "object":
      return "properties" in schema
        ? membersOf(schema, indent)
        : recordOf(schema.additionalProperties);
    case "number":
    case "boolean":
    case "null":
      return schema.type;
    default:
      return "unknown";
  }
}

function membersOf(
  { properties, required }: Extract<Schema, { properties: unknown }>,
  indent: string,
): string {
  const inner = `${indent}  `;
  const lines = Object.entries(properties).map(([name, of]) =>
    `${inner}${name}${required.includes(name) ? "" : "?"}: ${asType(of, inner)};\n`
  );
  return `{\n${lines.join("")}${indent}}`;
}

function recordOf(values: Schema | true): string {
  return `Record<string, ${values === true ? "unknown" : asType(values)}>`;
}

function parenthesized(type: string): string {
  return / \| /.test(type) && !type.startsWith("{") ? `(${type})` : type;
}
