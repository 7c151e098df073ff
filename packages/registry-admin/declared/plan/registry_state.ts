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
  /** Changes with every change of the registry, and is another for every other registry. */
  readonly version: string;
  readonly entries: RegistryEntries;
  /** Whether PostgREST is told to call the guard. */
  readonly guard: boolean;
}

/**
 * Reads the whole registry as it was at one moment.
 *
 * Over REST every read stands alone, so all are repeated until the registry's revision is the same before and after.
 *
 * @throws {RegistryError} `conflict` when it never stands still.
 */
export async function readState(store: RegistryStore): Promise<RegistryState> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const { revision, guard } = await readRevision(store);
    const entries: Record<SectionName, ReadonlyMap<string, RegistryEntry>> = {
      issuers: new Map(),
      keys: new Map(),
      providers: new Map(),
      rules: new Map(),
    };
    for (const section of SECTIONS) entries[section.name] = await readEntries(store, section);
    const after = await readRevision(store);
    if (after.revision !== revision || after.guard !== guard) continue;
    return { version: `${revision}-${await fingerprint(entries, guard)}`, entries, guard };
  }
  throw new RegistryError("conflict", "The registry keeps changing while it is read; try again");
}

/** The part of a version that the database compares. */
export function revisionOf(version: string): string {
  return version.split("-", 1)[0] ?? "";
}

/**
 * Tells registries at the same revision apart: a plan for one is none for the other, unless both hold the same. It also sees the
 * guard, which is no row and has no revision.
 */
async function fingerprint(entries: RegistryEntries, guard: boolean): Promise<string> {
  const rows = SECTIONS.map(({ name }) =>
    Array.from(
      entries[name].values(),
      ({ key, issuer, values }) => JSON.stringify([key, issuer, Object.entries(values).sort()]),
    ).sort()
  );
  const text = new TextEncoder().encode(JSON.stringify([guard, rows]));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
  return Array.from(digest.subarray(0, 6), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The registry's revision. What follows it in the view stands for the cluster's roles, which no file declares: making one does not
 * outdate a plan.
 */
async function readRevision(store: RegistryStore): Promise<{ revision: string; guard: boolean }> {
  const [row] = await store.select("jwt_registry_version");
  const [revision] = row === undefined ? [] : text(row, "version").split(".");
  if (row === undefined || revision === undefined) {
    throw new RegistryError("schema_missing", "Expected the registry to have a version");
  }
  return { revision, guard: flag(row, "guard_enabled") };
}

async function readEntries(
  store: RegistryStore,
  section: Section,
): Promise<ReadonlyMap<string, RegistryEntry>> {
  const { relation, keyColumn } = section;
  const rows = await store.select(relation, { order: [keyColumn] });
  const computed = new Map<unknown, Row>();
  if (section.computed !== undefined) {
    for (const row of await computedRows(store, section.computed)) {
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

async function computedRows(
  store: RegistryStore,
  { relation, order, listColumn }: NonNullable<Section["computed"]>,
): Promise<readonly Row[]> {
  const rows = await store.select(relation, { order: [order] });
  if (listColumn === undefined) return rows;
  return rows.flatMap((row): Row[] => {
    const list = row[listColumn];
    return Array.isArray(list) ? list : [];
  });
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
