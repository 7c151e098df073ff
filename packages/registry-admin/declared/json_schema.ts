import type { JsonSchema } from "./fields/field_types.ts";
import { sectionsWithin } from "./sections/all_sections.ts";
import type { Section } from "./sections/section.ts";

/**
 * The JSON Schema of `countersign.toml`, for editors. `countersign.schema.json` is generated from it.
 *
 * It is made of what the reader goes by, and says the same, except for what no schema can: that a key is good and stands
 * there once, that a default role is an allowed one, that a time is in range.
 */
export function declarationSchema(): JsonSchema {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "countersign.toml",
    description: "What the registry of a Countersign target should be.",
    type: "object",
    additionalProperties: false,
    properties: {
      ...Object.fromEntries(
        sectionsWithin(undefined).map((section) => [
          section.name,
          {
            description: section.about,
            type: "object",
            ...(section.nameSchema && { propertyNames: section.nameSchema }),
            additionalProperties: entrySchema(section),
          },
        ]),
      ),
      guard: {
        description:
          "The check inside each request's own transaction. Left out: it is left alone. Needs a database connection.",
        type: "object",
        additionalProperties: false,
        required: ["enabled"],
        properties: {
          enabled: { description: "Whether PostgREST calls the guard.", type: "boolean" },
        },
      },
    },
  };
}

function entrySchema(section: Section): JsonSchema {
  return {
    type: "object",
    additionalProperties: false,
    ...section.constraints,
    properties: {
      ...Object.fromEntries(
        Object.entries(section.members).map(([name, { about, schema }]) => [
          name,
          { description: about, ...schema },
        ]),
      ),
      ...Object.fromEntries(
        section.fields.map(({ column, about, type, standard, isAlwaysWritten }) => [
          column,
          {
            description: about,
            ...type.schema,
            ...(standard === null || isAlwaysWritten === true
              ? {}
              : { default: type.toFile(standard) }),
          },
        ]),
      ),
      ...Object.fromEntries(
        sectionsWithin(section.name).map((inner) => [
          inner.name,
          { description: inner.about, type: "array", items: entrySchema(inner) },
        ]),
      ),
    },
  };
}
