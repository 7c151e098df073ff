import type { Columns, ColumnValue } from "../../store/registry_store.ts";
import type { Field } from "../fields/field.ts";
import { type RegistryValue, sameValue } from "../fields/value.ts";
import type { Declaration, DeclaredEntry } from "../file/read_declaration.ts";
import { SECTIONS } from "../sections/all_sections.ts";
import { type RegistryEntry, type Section, valueIn } from "../sections/section.ts";
import type { PlannedChange, PlannedField, PlannedValue, Undeclared } from "./registry_plan.ts";
import type { RegistryState } from "./registry_state.ts";

/** What differs, and what the file does not speak of. */
export interface Difference {
  readonly changes: readonly PlannedChange[];
  readonly undeclared: readonly Undeclared[];
}

/**
 * Compares a file with a registry.
 *
 * @param prune Whether what the file does not name is deactivated.
 */
export function difference(
  { entries: declared }: Declaration,
  { entries: registered }: RegistryState,
  prune: boolean,
): Difference {
  const changes: PlannedChange[] = [];
  const undeclared: Undeclared[] = [];
  for (const section of SECTIONS) {
    for (const entry of declared[section.name].values()) {
      const before = registered[section.name].get(entry.key);
      const change = before === undefined
        ? addition(section, entry)
        : changed(section, before, entry);
      if (change !== undefined) changes.push(change);
    }
    for (const entry of registered[section.name].values()) {
      if (declared[section.name].has(entry.key) || entry.values.is_active !== true) continue;
      // The keys of an issuer that is not in the file go with it, and come back with it as they were.
      if (section.within !== undefined && !declared[section.within].has(entry.issuer)) continue;
      if (prune) changes.push(deactivation(section, entry));
      else undeclared.push(named(section, entry));
    }
  }
  return { changes, undeclared };
}

function addition(section: Section, entry: DeclaredEntry): PlannedChange {
  const { fields, relation } = section;
  return {
    action: "add",
    ...named(section, entry),
    fields: fields.flatMap((field): PlannedField[] => {
      const after = valueIn(entry.values, field.column);
      if (sameValue(field.standard, after)) return [];
      return [{ column: field.column, before: null, after: planned(field, after) }];
    }),
    loosens: section.additionLoosens(entry.values),
    row: {
      table: relation,
      insert: { ...entry.identity, ...columns(section, entry, fields.map((f) => f.column)) },
    },
  };
}

function changed(
  section: Section,
  before: RegistryEntry,
  after: RegistryEntry,
): PlannedChange | undefined {
  const differing = section.fields.filter(({ column }) =>
    !sameValue(valueIn(before.values, column), valueIn(after.values, column))
  );
  if (differing.length === 0) return undefined;
  const names = differing.map(({ column }) => column);
  return {
    action: names.includes("is_active") && after.values.is_active === false
      ? "deactivate"
      : "change",
    ...named(section, after),
    fields: differing.map((field) => ({
      column: field.column,
      before: planned(field, valueIn(before.values, field.column)),
      after: planned(field, valueIn(after.values, field.column)),
    })),
    loosens: differing.flatMap((field) =>
      field.loosens(valueIn(before.values, field.column), valueIn(after.values, field.column))
    ),
    row: { table: section.relation, key: after.key, update: columns(section, after, names) },
  };
}

function deactivation(section: Section, entry: RegistryEntry): PlannedChange {
  return {
    action: "deactivate",
    ...named(section, entry),
    fields: [{ column: "is_active", before: true, after: false }],
    loosens: [],
    row: { table: section.relation, key: entry.key, update: { is_active: false } },
  };
}

function named({ kind }: Section, { key, issuer }: RegistryEntry): Undeclared {
  return {
    kind,
    issuer: kind === "provider" ? null : issuer,
    kid: kind === "key" ? key : null,
    name: kind === "provider" || kind === "rule" ? key : null,
  };
}

function planned({ type }: Field, value: RegistryValue): PlannedValue {
  if (value === null) return null;
  const written = type.toFile(value);
  return written instanceof Date ? written.toISOString() : written;
}

function columns(
  { fields }: Section,
  { values }: RegistryEntry,
  names: readonly string[],
): Columns {
  const set: Record<string, ColumnValue> = {};
  for (const { column, type } of fields.filter((field) => names.includes(field.column))) {
    const value = valueIn(values, column);
    set[column] = value === null ? null : type.toColumn(value);
  }
  return set;
}
