import {
  type IssuerRecord,
  parseIssuerRow,
  parseProviderRow,
  parseSealKeyRow,
  type ProviderRecord,
  type SealKey,
} from "@countersign/verifier";
import type { PostgresClient } from "@countersign/postgres";

/** The registry at one moment: its version, the key that seals, and the rows that were asked for. */
export interface RegistrySnapshot {
  readonly version: string;
  /** The newest key that seals downstream tokens; `undefined` if the registry holds none. */
  readonly sealKey: SealKey | undefined;
  /** What a name is in this snapshot: an issuer, or an OIDC provider. */
  entry(name: string): RegistryEntry | undefined;
}

/** What the registry knows under one name. */
export type RegistryEntry = IssuerRecord | ProviderRecord;

/** Tells a provider from an issuer. */
export function isProvider(entry: RegistryEntry): entry is ProviderRecord {
  return "provider" in entry;
}

const SEAL_KEY = `(
  select jsonb_build_object('id', k.id, 'secret', k.secret)::text
  from public.jwt_seal_keys k order by k.created_at desc, k.id limit 1
)`;

const VERSION = `
select version, ${SEAL_KEY} as seal_key, null as policy, null as provider from public.jwt_registry_version`;

// One statement is one snapshot, so a record is never older than the version it is filed under. The names
// travel as JSON in one text parameter and the rows as JSON text, because drivers disagree about arrays and
// bigint. With names the views are asked by index; without, not at all. A name is an issuer's or a provider's, never both.
const VERSION_AND_ENTRIES = `
with asked as materialized (select array(select jsonb_array_elements_text($1::text::jsonb)) as names)
select v.version, s.seal_key, e.policy, e.provider
from public.jwt_registry_version v
cross join (select ${SEAL_KEY} as seal_key) s
left join (
  select to_jsonb(p)::text as policy, null::text as provider
  from public.jwt_issuer_policies p where p.issuer = any ((select names from asked)::text[])
  union all
  select null, to_jsonb(f)::text
  from public.jwt_federation_policies f where f.provider = any ((select names from asked)::text[])
) e on true`;

/**
 * Reads the registry's version, and the seal's key and what these names are as of that version.
 *
 * @param names Names that Postgres can hold; see {@linkcode isStorable}.
 * @throws {Error} Whatever the driver throws; a `TypeError` if the answer is not the registry's.
 */
export async function readSnapshot(
  client: PostgresClient,
  names: readonly string[],
): Promise<RegistrySnapshot> {
  const rows = names.length === 0
    ? await client.query(VERSION, [])
    : await client.query(VERSION_AND_ENTRIES, [JSON.stringify(names)]);
  const { version, seal_key: sealKey } = rows[0] ?? {};
  if (typeof version !== "string") {
    throw new TypeError('Expected one "version" from jwt_registry_version; apply the migrations');
  }

  const issuers = rowsByName(rows, "policy", "issuer");
  const providers = rowsByName(rows, "provider", "provider");
  return {
    version,
    sealKey: typeof sealKey === "string" ? parseSealKeyRow(JSON.parse(sealKey)) : undefined,
    entry(name) {
      const issuer = issuers.get(name);
      if (issuer !== undefined) return parseIssuerRow(issuer);
      const provider = providers.get(name);
      return provider === undefined ? undefined : parseProviderRow(provider);
    },
  };
}

/** Whether Postgres can hold this as an issuer. One name that it can't would fail the others in its batch. */
export function isStorable(issuer: string): boolean {
  return issuer.length <= 255 && issuer.isWellFormed() && !issuer.includes("\0");
}

/** The rows that stand in one column of the answer, as JSON text, by their own name. */
function rowsByName(
  rows: readonly Readonly<Record<string, unknown>>[],
  column: "policy" | "provider",
  key: "issuer" | "provider",
): ReadonlyMap<string, unknown> {
  const byName = new Map<string, unknown>();
  for (const { [column]: text } of rows) {
    if (typeof text !== "string") continue;
    const row: unknown = JSON.parse(text);
    const name: unknown = typeof row === "object" && row !== null
      ? Reflect.get(row, key)
      : undefined;
    if (typeof name !== "string") throw new TypeError(`Expected "${key}" in the registry's answer`);
    byName.set(name, row);
  }
  return byName;
}
