import {
  type IssuerRecord,
  parseIssuerRow,
  parseSealKeyRow,
  type SealKey,
} from "@countersign/verifier";
import type { PostgresClient } from "@countersign/postgres";

/** The registry at one moment: its version, the key that seals, and the rows that were asked for. */
export interface RegistrySnapshot {
  readonly version: string;
  /** The newest key that seals downstream tokens; `undefined` if the registry holds none. */
  readonly sealKey: SealKey | undefined;
  /** What `issuer` is in this snapshot. */
  record(issuer: string): IssuerRecord | undefined;
}

const SEAL_KEY = `(
  select jsonb_build_object('id', k.id, 'secret', k.secret)::text
  from public.jwt_seal_keys k order by k.created_at desc, k.id limit 1
)`;

const VERSION = `
select version, ${SEAL_KEY} as seal_key, null as policy from public.jwt_registry_version`;

// One statement is one snapshot, so a record is never older than the version it is filed under. The names
// travel as JSON in one text parameter and the rows as JSON text, because drivers disagree about arrays and
// bigint. With names the view is asked by index; without, not at all.
const VERSION_AND_POLICIES = `
select v.version, s.seal_key, to_jsonb(p)::text as policy
from public.jwt_registry_version v
cross join (select ${SEAL_KEY} as seal_key) s
left join public.jwt_issuer_policies p
  on p.issuer = any (array(select jsonb_array_elements_text($1::text::jsonb)))`;

/**
 * Reads the registry's version, and the seal's key and the policies of these issuers as of that version.
 *
 * @param issuers Names that Postgres can hold; see {@linkcode isStorable}.
 * @throws {Error} Whatever the driver throws; a `TypeError` if the answer is not the registry's.
 */
export async function readSnapshot(
  client: PostgresClient,
  issuers: readonly string[],
): Promise<RegistrySnapshot> {
  const rows = issuers.length === 0
    ? await client.query(VERSION, [])
    : await client.query(VERSION_AND_POLICIES, [JSON.stringify(issuers)]);
  const { version, seal_key: sealKey } = rows[0] ?? {};
  if (typeof version !== "string") {
    throw new TypeError('Expected one "version" from jwt_registry_version; apply the migrations');
  }

  const policies = new Map<string, unknown>();
  for (const { policy } of rows) {
    if (policy === null) continue;
    const row: unknown = JSON.parse(String(policy));
    policies.set(nameIn(row), row);
  }
  return {
    version,
    sealKey: typeof sealKey === "string" ? parseSealKeyRow(JSON.parse(sealKey)) : undefined,
    record(issuer) {
      const row = policies.get(issuer);
      return row === undefined ? undefined : parseIssuerRow(row);
    },
  };
}

/** Whether Postgres can hold this as an issuer. One name that it can't would fail the others in its batch. */
export function isStorable(issuer: string): boolean {
  return issuer.length <= 255 && issuer.isWellFormed() && !issuer.includes("\0");
}

function nameIn(row: unknown): string {
  const name: unknown = typeof row === "object" && row !== null
    ? Reflect.get(row, "issuer")
    : undefined;
  if (typeof name !== "string") throw new TypeError('Expected "issuer" in jwt_issuer_policies');
  return name;
}
