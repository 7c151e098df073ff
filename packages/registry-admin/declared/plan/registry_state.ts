import { RegistryError } from "../../errors.ts";
import type { RegistryStore, Row } from "../../store/registry_store.ts";
import { flag, text } from "../../store/rows.ts";
import { valueOf } from "../fields/field.ts";
import { type RegistryEntries, SECTIONS } from "../sections/all_sections.ts";
import type { RegistryEntry, Section, SectionName } from "../sections/section.ts";

/** Changes that come in between two reads are rare; someone who changes without end is not waited for. */
const MOST_TRIES = 5;

/** What a registry holds, all at one moment. */
export interface RegistryState {
  /** Changes with every change of the registry. */
  readonly version: string;
  readonly entries: RegistryEntries;
  /** Whether PostgREST is told to call the guard. */
  readonly guard: boolean;
}

/**
 * Reads the whole registry as it was at one moment.
 *
 * Over REST every read stands alone, so all are repeated until the registry's version is the same before and after.
 *
 * @throws {RegistryError} `conflict` when it never stands still.
 */
export async function readState(store: RegistryStore): Promise<RegistryState> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const { version, guard } = await readVersion(store);
    const entries: Record<SectionName, ReadonlyMap<string, RegistryEntry>> = {
      issuers: new Map(),
      keys: new Map(),
    };
    for (const section of SECTIONS) entries[section.name] = await readEntries(store, section);
    if ((await readVersion(store)).version === version) return { version, entries, guard };
  }
  throw new RegistryError("conflict", "The registry keeps changing while it is read; try again");
}

/**
 * The registry's revision. What follows it in the view stands for the cluster's roles, which no file declares: making one does not
 * outdate a plan.
 */
async function readVersion(store: RegistryStore): Promise<{ version: string; guard: boolean }> {
  const [row] = await store.select("jwt_registry_version");
  const [version] = row === undefined ? [] : text(row, "version").split(".");
  if (row === undefined || version === undefined) {
    throw new RegistryError("schema_missing", "Expected the registry to have a version");
  }
  return { version, guard: flag(row, "guard_enabled") };
}

async function readEntries(
  store: RegistryStore,
  section: Section,
): Promise<ReadonlyMap<string, RegistryEntry>> {
  const { relation, keyColumn } = section;
  const rows = await store.select(relation, { order: [keyColumn] });
  const computed = new Map<unknown, Row>();
  if (section.computed !== undefined) {
    for (const row of await store.select(section.computed.relation, { order: [keyColumn] })) {
      computed.set(row[keyColumn], row);
    }
  }
  const entries = new Map<string, RegistryEntry>();
  for (const row of rows) {
    const entry = entryOf(section, { ...row, ...overlay(section, computed.get(row[keyColumn])) });
    entries.set(entry.key, entry);
  }
  return entries;
}

/** The columns that another relation has in a form that no session's settings change. */
function overlay({ computed }: Section, row: Row | undefined): Row {
  if (computed === undefined || row === undefined) return {};
  return Object.fromEntries(computed.columns.map((column) => [column, row[column]]));
}

function entryOf({ keyColumn, identityColumns, fields }: Section, row: Row): RegistryEntry {
  return {
    key: text(row, keyColumn),
    issuer: text(row, "issuer"),
    identity: Object.fromEntries(identityColumns.map((column) => [column, text(row, column)])),
    values: Object.fromEntries(fields.map((field) => [field.column, valueOf(field, row)])),
  };
}
