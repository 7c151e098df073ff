import type { ProviderRecord } from "../federation/rule.ts";
import { type FetchedJson, FetchFailure, fetchJson, type FetchJsonOptions } from "./fetch_json.ts";
import { type KeySet, MAX_KEYS, readKeySet } from "./key_set.ts";

/** A key set, and for how many milliseconds it may be kept. */
export interface FetchedKeySet extends KeySet {
  readonly lifetime: number;
}

const MINUTE = 60_000;
/** However short a provider wants it: a flood of tokens may not become one of fetches. */
const MIN_LIFETIME = 5 * MINUTE;
/** However long: a key that the provider has withdrawn ends within a day. */
const MAX_LIFETIME = 24 * 60 * MINUTE;

/**
 * Fetches a provider's keys, from where the operator's row says.
 *
 * @throws {FetchFailure} What was expected.
 */
export async function fetchKeySet(
  record: ProviderRecord,
  options: FetchJsonOptions,
): Promise<FetchedKeySet> {
  const url = record.keysFrom === "discovery" ? await discover(record, options) : record.jwksUri;
  if (url === null) throw new FetchFailure('Expected the provider to have a "jwks_uri"');
  const fetched = await fetchJson(url, options);
  const keySet = await readKeySet(fetched.json);
  if (keySet === undefined) {
    throw new FetchFailure(`Expected a JSON Web Key Set of at most ${MAX_KEYS} keys`);
  }
  return { ...keySet, lifetime: lifetimeOf(fetched) };
}

/** OpenID Connect Discovery 1.0 §4. */
async function discover(
  { provider }: ProviderRecord,
  options: FetchJsonOptions,
): Promise<string> {
  const base = provider.endsWith("/") ? provider.slice(0, -1) : provider;
  const { json } = await fetchJson(`${base}/.well-known/openid-configuration`, options);
  // §4.3: a document about another issuer would lend that one's keys to this.
  if (json["issuer"] !== provider) {
    throw new FetchFailure("Expected the discovery document to name the provider as its issuer");
  }
  const { jwks_uri: jwksUri } = json;
  if (typeof jwksUri !== "string") {
    throw new FetchFailure('Expected the discovery document to have a "jwks_uri"');
  }
  return jwksUri;
}

/** RFC 9111 §5.2.2.1 and §4.2.3, within our bounds. */
function lifetimeOf({ cacheControl, age }: FetchedJson): number {
  const maxAge = Number(/(?:^|[\s,])max-age="?(\d{1,9})/i.exec(cacheControl ?? "")?.[1] ?? 0);
  const spent = /^\d{1,9}$/.test(age ?? "") ? Number(age) : 0;
  return Math.min(MAX_LIFETIME, Math.max(MIN_LIFETIME, (maxAge - spent) * 1000));
}
