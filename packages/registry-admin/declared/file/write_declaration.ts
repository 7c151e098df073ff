import config from "../../deno.json" with { type: "json" };
import { sameValue } from "../fields/value.ts";
import type { FileValue } from "../fields/field_types.ts";
import { type RegistryEntries, sectionsWithin } from "../sections/all_sections.ts";
import { type RegistryEntry, type Section, valueIn } from "../sections/section.ts";

/** Where editors find the schema of this version's files. */
export const SCHEMA_URL =
  `https://raw.githubusercontent.com/countersign/countersign/v${config.version}/packages/registry-admin/declared/countersign.schema.json`;

const HEADER = `#:schema ${SCHEMA_URL}
# What this registry should be. A member that is left out has the database's default.
# See what a change would do: countersign plan countersign.toml
`;

/** What a file would say of a registry. */
export interface WritableState {
  readonly entries: RegistryEntries;
  readonly guard: boolean;
}

/** Writes a registry as `countersign.toml`. The same registry always gives the same text. */
export function toToml({ entries, guard }: WritableState): string {
  const blocks = [HEADER, `[guard]\nenabled = ${guard}\n`];
  for (const section of sectionsWithin(undefined)) {
    for (const entry of inOrder(entries, section)) {
      blocks.push(`[${section.name}.${quoted(entry.key)}]\n${pairs(section, entry)}`);
      for (const inner of sectionsWithin(section.name)) {
        for (const item of inOrder(entries, inner).filter(({ issuer }) => issuer === entry.key)) {
          const header = `[[${section.name}.${quoted(entry.key)}.${inner.name}]]`;
          blocks.push(`${header}\n${pairs(inner, item)}`);
        }
      }
    }
  }
  return blocks.join("\n");
}

/** The same as JSON, which the same schema describes. */
export function toDocument({ entries, guard }: WritableState): Readonly<Record<string, unknown>> {
  const table = (section: Section, entry: RegistryEntry): unknown =>
    Object.fromEntries([
      ...members(section, entry),
      ...sectionsWithin(section.name).map((inner) => [
        inner.name,
        inOrder(entries, inner).filter(({ issuer }) => issuer === entry.key)
          .map((item) => table(inner, item)),
      ]),
    ]);
  return {
    guard: { enabled: guard },
    ...Object.fromEntries(
      sectionsWithin(undefined).map((section) => [
        section.name,
        Object.fromEntries(
          inOrder(entries, section).map((entry) => [entry.key, table(section, entry)]),
        ),
      ]),
    ),
  };
}

/** By code unit: the databases' collations differ. */
function inOrder(entries: RegistryEntries, { name }: Section): RegistryEntry[] {
  return Array.from(entries[name].values())
    .sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
}

function members(section: Section, entry: RegistryEntry): [string, FileValue][] {
  return [
    ...Object.entries(section.exported(entry)),
    ...section.fields.flatMap(
      ({ column, type, standard, isAlwaysWritten }): [string, FileValue][] => {
        const value = valueIn(entry.values, column);
        if (value === null || (sameValue(value, standard) && isAlwaysWritten !== true)) return [];
        return [[column, type.toFile(value)]];
      },
    ),
  ];
}

function pairs(section: Section, entry: RegistryEntry): string {
  return members(section, entry).map(([name, value]) => `${name} = ${written(value)}\n`).join("");
}

function written(value: FileValue): string {
  if (typeof value === "boolean") return String(value);
  if (value instanceof Date) return value.toISOString();
  if (typeof value !== "string") return writtenJson(value);
  return PEM.test(value) ? `"""\n${value}"""` : quoted(value);
}

/** JSON without null, on one line. */
function writtenJson(value: unknown): string {
  if (typeof value === "string") return quoted(value);
  if (Array.isArray(value)) return `[${value.map(writtenJson).join(", ")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  const members = Object.entries(value).map(([name, member]) =>
    `${quoted(name)} = ${writtenJson(member)}`
  );
  return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
}

/** As the registry stores keys: several lines of characters that need no escape. */
const PEM = /^-----BEGIN PUBLIC KEY-----\n(?:[A-Za-z0-9+/=]+\n)+-----END PUBLIC KEY-----\n$/;

/** A basic string. What no reader can see, or what turns the direction of writing, is escaped. */
function quoted(text: string): string {
  const escaped = text.replace(/["\\]|[\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    if (character === '"' || character === "\\") return `\\${character}`;
    if (character === "\n") return "\\n";
    if (character === "\t") return "\\t";
    return `\\U${(character.codePointAt(0) ?? 0).toString(16).padStart(8, "0")}`;
  });
  return `"${escaped}"`;
}
