import { BoundedMap } from "../bounded_map.ts";
import { checkMembers } from "../options/checked_members.ts";
import type { ProviderKeys, ProviderState } from "../federation/provider_key.ts";
import type { ProviderRecord } from "../federation/rule.ts";
import { ProviderEntry } from "./provider_entry.ts";
import { resolveWithDeno } from "./resolve.ts";

/** Options of {@linkcode remoteProviderKeys}. */
export interface RemoteProviderKeysOptions {
  /** How to reach providers. Default: the global `fetch`. */
  readonly fetch?: typeof fetch;
  /** The clock, in milliseconds since the epoch. Default: `Date.now`. */
  readonly now?: () => number;
  /**
   * Looks up the addresses of a name, to refuse private ones; `undefined` says that it cannot. Default: `Deno.resolveDns`
   * where there is one.
   */
  readonly resolve?: (hostname: string) => Promise<readonly string[] | undefined>;
  /** Receives a provider's state whenever it changes. What it throws is ignored. */
  readonly onState?: (state: ProviderState) => void;
}

const MEMBERS: ReadonlySet<string> = new Set(
  ["fetch", "now", "resolve", "onState"] satisfies (keyof RemoteProviderKeysOptions)[],
);

const MAX_PROVIDERS = 1_000;

/**
 * Finds the keys of OIDC providers where the registry says that they are: by discovery, at a URL, or in the row itself.
 *
 * https alone, no redirect, at most 64 KiB and 50 keys, 3 s for all of it; private and loopback addresses only where the
 * row allows them. One fetch serves all who wait.
 *
 * What it remembers: key sets. Key: the provider and where its keys are. Bound: 1,000. Lifetime: the answer's
 * `max-age` within 5 minutes and 24 hours, read again in the background from 80 % of it on. A token with an unknown `kid` asks
 * again, at most every 30 s. Staleness: when the provider cannot be reached, the last keys serve for at most 1 hour more; then
 * `provider_unavailable`. After a failure the provider is left alone for 1 s, and for up to 30 s after several.
 *
 * **Does not** follow anything that a token says: not its `jku`, `x5u` or `iss`.
 *
 * @param options How to reach providers.
 * @returns Keys that answer at once where they are at hand.
 *
 * @example Keys that are part of the registry
 * ```ts
 * import assert from "node:assert/strict";
 * import { remoteProviderKeys } from "@countersign/verifier";
 *
 * const keys = await remoteProviderKeys().find({
 *   provider: "https://ci.example.com",
 *   isActive: true,
 *   keysFrom: "jwks",
 *   jwksUri: null,
 *   jwks: { keys: [{ kty: "oct", k: "c2VjcmV0" }] },
 *   algorithms: ["RS256"],
 *   allowPrivate: false,
 *   rules: [],
 *   revokedKids: [],
 * }, undefined);
 * assert.deepEqual(keys, []);
 * ```
 */
export function remoteProviderKeys(options: RemoteProviderKeysOptions = {}): ProviderKeys {
  checkMembers(options, MEMBERS);
  const { now = Date.now, resolve = resolveWithDeno, onState } = options;
  const ask = options.fetch ?? ((input, init) => fetch(input, init));
  const settings = { fetch: ask, resolve, now, onState };
  /** By provider and where its keys are, so that a rule that changes does not cost its provider's keys. */
  const entries = new BoundedMap<ProviderEntry>(MAX_PROVIDERS);
  /** The entry of a record, for as long as the record is in use. */
  const ofRecord = new WeakMap<ProviderRecord, ProviderEntry>();
  const places = new Set<string>();

  function entryOf(record: ProviderRecord): ProviderEntry {
    const { provider, keysFrom, jwksUri, jwks, allowPrivate } = record;
    const place = JSON.stringify([provider, keysFrom, jwksUri, jwks, allowPrivate]);
    const entry = entries.get(place) ?? new ProviderEntry(record, settings);
    if (places.size >= MAX_PROVIDERS) places.clear();
    places.add(place);
    entries.set(place, entry);
    ofRecord.set(record, entry);
    return entry;
  }

  return {
    find: (record, kid) => (ofRecord.get(record) ?? entryOf(record)).find(kid),
    states: () =>
      [...places].flatMap((place) => {
        const entry = entries.get(place);
        return entry === undefined ? [] : [entry.state()];
      }),
  };
}
