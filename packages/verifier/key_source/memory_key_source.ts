import type { ProviderRecord } from "../federation/rule.ts";
import type { KeySource } from "./key_source.ts";
import type { IssuerRecord, SealKey } from "../types.ts";

/** Options of {@linkcode memoryKeySource}. */
export interface MemoryKeySourceOptions {
  /** The target's key for sealing downstream tokens. Without it they carry no seal. */
  readonly sealKey?: SealKey;
  /** OIDC providers and their rules. Default: none. */
  readonly providers?: Iterable<ProviderRecord>;
}

/**
 * Finds issuers among records held in memory.
 *
 * For tests, and for a target whose issuers are part of its deployment.
 *
 * **Does not**
 * - notice changes: a revocation needs a new source;
 * - check the records: what comes from a file goes through `parseIssuerRow` first.
 *
 * @param records One record per issuer.
 * @param options The key that seals downstream tokens, where the target has one, and OIDC providers.
 * @returns A key source that answers without a promise.
 * @throws {TypeError} If two records have the same name.
 *
 * @example Finding an issuer
 * ```ts
 * import assert from "node:assert/strict";
 * import { memoryKeySource } from "@countersign/verifier";
 *
 * assert.equal(memoryKeySource([]).find("billing"), undefined);
 * ```
 */
export function memoryKeySource(
  records: Iterable<IssuerRecord>,
  options: MemoryKeySourceOptions = {},
): KeySource {
  const { sealKey, providers = [] } = options;
  const byIssuer = new Map<string, IssuerRecord>();
  for (const record of records) {
    if (byIssuer.has(record.issuer)) {
      throw new TypeError(`Expected one record per issuer, found two for "${record.issuer}"`);
    }
    byIssuer.set(record.issuer, record);
  }
  const byProvider = new Map<string, ProviderRecord>();
  for (const record of providers) {
    if (byProvider.has(record.provider) || byIssuer.has(record.provider)) {
      throw new TypeError(`Expected one record per name, found two for "${record.provider}"`);
    }
    byProvider.set(record.provider, record);
  }
  return {
    find: (issuer) => byIssuer.get(issuer),
    findProvider: (provider) => byProvider.get(provider),
    ...(sealKey && { sealKey: () => sealKey }),
    freshFor: (issuer) => byIssuer.has(issuer) ? Infinity : 0,
  };
}
