import { checkMembers } from "../options/checked_members.ts";
import { CachedRows } from "./cached_rows.ts";
import { parseProviderRow } from "./rows/provider_row.ts";
import { parseIssuerRow } from "./rows/registry_row.ts";
import { registryReader } from "./rest_client.ts";
import { CachedSealKey } from "./rest_seal_key.ts";
import type { KeySource } from "./key_source.ts";

/** Options of {@linkcode restKeySource}. Times are milliseconds. */
export interface RestKeySourceOptions {
  /** The project's URL, such as `https://ref.supabase.co`. */
  readonly supabaseUrl: string;
  /** The project's service key: the legacy `service_role` JWT, or `sb_secret_…`. */
  readonly serviceRoleKey: string;
  /** How to reach it. Default: the global `fetch`. */
  readonly fetch?: typeof fetch;
  /** The clock, in milliseconds since the epoch. Default: `Date.now`. */
  readonly now?: () => number;
  /** How long a record may be used after it was read; 0 reads for every token. Default: 5,000. */
  readonly maxStaleness?: number;
  /** How long one read may take. Default: 3,000. */
  readonly queryTimeout?: number;
}

const MEMBERS: ReadonlySet<string> = new Set(
  [
    "supabaseUrl",
    "serviceRoleKey",
    "fetch",
    "now",
    "maxStaleness",
    "queryTimeout",
  ] satisfies (keyof RestKeySourceOptions)[],
);

const MAX_QUERY_TIMEOUT = 60_000;

/**
 * Finds issuers in the registry of a Supabase project, over PostgREST.
 *
 * What it remembers:
 * - records of issuers and of OIDC providers. Key: the name. Bound: 2,000. Lifetime: `maxStaleness`; from half of it on they are read again in
 *   the background. Staleness: a revocation is seen within `maxStaleness`. A record that reads the same stays the
 *   same object.
 * - names that are not registered, and failures. Key: the name. Bound: 2,000. Lifetime: 1 second. Staleness: a
 *   new issuer is seen within a second.
 * - the key that seals downstream tokens. Lifetime: `maxStaleness`, read again from half of it on. Staleness: the
 *   key before, which the database accepts while the two overlap.
 *
 * Names that are not known are looked up together, ten times a second, however many there are: a new issuer in a crowd
 * of them waits for the next time. On Workers, where a read belongs to its request, none is shared, and none is done in
 * the background: there 50 unknown names a second are looked up, and others are refused.
 *
 * When the registry cannot be read, known issuers keep working for `maxStaleness`; after that `find` rejects.
 *
 * **Does not** listen for changes. Its errors hold neither the key nor the issuer's name.
 *
 * @param options Where the registry is, and how stale a record may be.
 * @returns A key source that answers from memory where it can.
 * @throws {TypeError | RangeError} If the options are wrong.
 *
 * @example An issuer that is not registered
 * ```ts
 * import assert from "node:assert/strict";
 * import { restKeySource } from "@countersign/verifier";
 *
 * const source = restKeySource({
 *   supabaseUrl: "https://ref.supabase.co",
 *   serviceRoleKey: "sb_secret_example",
 *   fetch: () => Promise.resolve(Response.json([])),
 * });
 * assert.equal(await source.find("billing"), undefined);
 * ```
 */
export function restKeySource(options: RestKeySourceOptions): KeySource {
  checkMembers(options, MEMBERS);
  const { maxStaleness = 5000, queryTimeout = 3000, now = Date.now, fetch = globalThis.fetch } =
    options;
  if (!(maxStaleness >= 0 && Number.isFinite(maxStaleness))) {
    throw new RangeError('Expected "maxStaleness" to be milliseconds, 0 or more');
  }
  if (!(queryTimeout > 0 && queryTimeout <= MAX_QUERY_TIMEOUT)) {
    throw new RangeError(
      `Expected "queryTimeout" to be milliseconds, more than 0 and at most ${MAX_QUERY_TIMEOUT}`,
    );
  }
  const { supabaseUrl, serviceRoleKey } = options;
  const registry = registryReader({ supabaseUrl, serviceRoleKey, fetch, queryTimeout });
  const issuers = new CachedRows(registry.issuers, parseIssuerRow, now, maxStaleness);
  const providers = new CachedRows(registry.providers, parseProviderRow, now, maxStaleness);
  const sealKey = new CachedSealKey(registry.sealKey, now, maxStaleness);
  return {
    // A name is an issuer's or a provider's, never both: the database sees to that. So a provider in use does not have to wait
    // among unknown names.
    find: (issuer) => providers.has(issuer) ? undefined : issuers.find(issuer),
    findProvider: (provider) => providers.find(provider),
    sealKey: () => sealKey.current(),
    check: registry.check,
    guardIsOn: registry.guardIsOn,
    freshFor: (issuer) => issuers.freshFor(issuer),
  };
}
