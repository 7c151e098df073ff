import {
  BoundedMap,
  checkMembers,
  type IssuerRecord,
  JwtVerificationError,
  type KeySource,
  type ProviderRecord,
  type RegistryIdentity,
  type SealKey,
} from "@countersign/verifier";
import { databaseIdentity, type PostgresClient, withTimeout } from "@countersign/postgres";
import { readGuardSetting } from "./guard_setting.ts";
import {
  isProvider,
  isStorable,
  readSnapshot,
  type RegistryEntry,
  type RegistrySnapshot,
} from "./registry_snapshot.ts";
import { RegistryListener } from "./registry_listener.ts";
import { ReadScheduler } from "./read_scheduler.ts";
import { observeRegistryAge } from "../events/telemetry.ts";

/** Milliseconds for which a name that is not registered is remembered as such: with a read, within a second. */
const UNKNOWN_LIFETIME = 750;
/** No issuer has this name. */
const NO_ISSUER = "countersign_readyz";
/** A generation that never was. */
const SUSPECT = -1;

const MEMBERS: ReadonlySet<string> = new Set(
  [
    "maxStaleness",
    "queryTimeout",
    "maxIssuers",
    "maxUnknown",
    "now",
  ] satisfies (keyof PostgresKeySourceOptions)[],
);

/** Bounds of a {@linkcode PostgresKeySource}. Times are milliseconds. */
export interface PostgresKeySourceOptions {
  /** How long a record may be used after the registry was last seen unchanged. Default: 5,000. */
  readonly maxStaleness?: number;
  /** How long one read may take. Default: 3,000. */
  readonly queryTimeout?: number;
  /** The most issuers and providers kept in memory. Default: 10,000. */
  readonly maxIssuers?: number;
  /** The most unknown names remembered. Default: 10,000. */
  readonly maxUnknown?: number;
  /** A clock that never steps back. Default: `performance.now`. */
  readonly now?: () => number;
}

/** A `KeySource` on the registry in Postgres. */
export interface PostgresKeySource extends KeySource {
  /** The record, at once if it is at hand and confirmed, or what the registry says. */
  find(issuer: string): IssuerRecord | undefined | Promise<IssuerRecord | undefined>;
  /** The same for an OIDC provider. */
  findProvider(
    provider: string,
  ): ProviderRecord | undefined | Promise<ProviderRecord | undefined>;
  /** Reads the registry as for an issuer in use, however many names are being looked up. */
  check(): Promise<void>;
  /** Whether the database names the guard as PostgREST's pre-request function. Asks Postgres each time. */
  guardIsOn(): Promise<boolean>;
  /** The newest key that seals downstream tokens, as of the last read. */
  sealKey(): SealKey | undefined;
  /** What is left of `maxStaleness`, in milliseconds. */
  freshFor(issuer: string): number;
  /** Which database the registry is in, and the version of it that was read last. */
  identity(): Promise<RegistryIdentity>;
  /** Stops listening and turns everybody away. The client stays open: whoever made it ends it. */
  close(): Promise<void>;
}

interface Known {
  readonly entry: RegistryEntry;
  /** The generation in which the record was read. Another one than now: to be read again before use. */
  generation: number;
}

/**
 * Finds issuers in the target's own Postgres.
 *
 * A change is seen within milliseconds where the client can LISTEN, and otherwise within `maxStaleness`. With
 * the registry unreachable, known issuers work until `maxStaleness` has passed since it was last seen
 * unchanged; then `find` rejects. Nothing is read while nobody asks.
 *
 * Its caches:
 *
 * | cache | key | bound | lifetime | what staleness permits |
 * |---|---|---|---|---|
 * | records of issuers and OIDC providers | name | `maxIssuers` | until the registry's version changes or a change is announced; then read again before use | a revoked key passes for at most `maxStaleness` |
 * | unknown names | name | `maxUnknown` | 1 s, or until a change is seen | a new issuer waits for at most 1 s |
 * | seal's key | – | one | read with the version | the key before, which the database accepts while the two overlap |
 * | version | – | one | `maxStaleness`; confirmed in the background from half of that on | as for records |
 *
 * **Does not** read from a replica's point of view: give it the primary, or staleness has no bound.
 *
 * @param client How to reach Postgres: `connectPostgres`, `fromDenoPostgres`, or a driver of one's own.
 * @param options Bounds, in milliseconds and entries.
 * @returns A source that keeps the same record object for as long as nothing changed.
 * @throws {RangeError} A bound is not positive.
 * @throws {TypeError} There is an option that does not exist.
 *
 * @example Find an issuer
 * ```ts
 * import { type PostgresClient, postgresKeySource } from "@countersign/swap-proxy";
 * import assert from "node:assert/strict";
 *
 * const client: PostgresClient = {
 *   query: () => Promise.resolve([{ version: "1", policy: null }]),
 *   end: () => Promise.resolve(),
 * };
 * const source = postgresKeySource(client, { maxStaleness: 2_000 });
 * assert.equal(await source.find("service-a"), undefined);
 * await source.close();
 * ```
 */
export function postgresKeySource(
  client: PostgresClient,
  options: PostgresKeySourceOptions = {},
): PostgresKeySource {
  checkMembers(options, MEMBERS);
  return new CachedIssuers(client, options);
}

class CachedIssuers implements PostgresKeySource {
  readonly #client: PostgresClient;
  readonly #queryTimeout: number;
  readonly #maxStaleness: number;
  readonly #now: () => number;
  readonly #known: BoundedMap<Known>;
  /** Until when a name counts as not registered. */
  readonly #unknown: BoundedMap<number>;
  readonly #reads: ReadScheduler;
  readonly #listener: RegistryListener;
  readonly #stopObservingAge: () => void;

  #version: string | undefined;
  #sealKey: SealKey | undefined;
  #identity: Promise<string> | undefined;
  /** When the read that last saw the version was sent. */
  #confirmedAt = -Infinity;
  /** Grows whenever every record becomes suspect. */
  #generation = 0;

  constructor(client: PostgresClient, options: PostgresKeySourceOptions) {
    this.#maxStaleness = positive("maxStaleness", options.maxStaleness ?? 5_000);
    this.#client = client;
    this.#queryTimeout = positive("queryTimeout", options.queryTimeout ?? 3_000);
    this.#now = options.now ?? (() => performance.now());
    this.#known = new BoundedMap(options.maxIssuers ?? 10_000);
    this.#unknown = new BoundedMap(options.maxUnknown ?? 10_000);
    this.#reads = new ReadScheduler({
      read: (issuers) => withTimeout(this.#queryTimeout, readSnapshot(client, issuers)),
      onSnapshot: (snapshot, sentAt) => this.#confirm(snapshot, sentAt),
      onIssuer: (issuer, found, current) => this.#file(issuer, found, current),
      onUnreadable: (issuer) => this.#known.delete(issuer),
    }, this.#now);
    this.#listener = new RegistryListener(client, {
      onChange: (issuer) => this.#suspect(issuer),
      onListening: () => {
        this.#reads.resume();
        this.#reads.confirmAnew();
      },
    });
    this.#stopObservingAge = observeRegistryAge(() => this.#now() - this.#confirmedAt);
  }

  find(issuer: string): IssuerRecord | undefined | Promise<IssuerRecord | undefined> {
    const found = this.#find(issuer);
    return found instanceof Promise ? found.then(asIssuer) : asIssuer(found);
  }

  findProvider(
    provider: string,
  ): ProviderRecord | undefined | Promise<ProviderRecord | undefined> {
    const found = this.#find(provider);
    return found instanceof Promise ? found.then(asProvider) : asProvider(found);
  }

  #find(issuer: string): RegistryEntry | undefined | Promise<RegistryEntry | undefined> {
    const now = this.#now();
    const known = this.#known.get(issuer);
    const age = now - this.#confirmedAt;
    if (age <= this.#maxStaleness) {
      if (known !== undefined && known.generation === this.#generation) {
        if (age > this.#maxStaleness / 2) this.#reads.confirm();
        return known.entry;
      }
      if ((this.#unknown.get(issuer) ?? -Infinity) > now) return undefined;
    }
    if (!isStorable(issuer)) return undefined;
    this.#listener.start();
    return this.#reads.load(issuer, known !== undefined);
  }

  sealKey(): SealKey | undefined {
    if (this.#version !== undefined) return this.#sealKey;
    throw new JwtVerificationError("registry_unavailable", "The registry was not read yet");
  }

  async check(): Promise<void> {
    // As if an issuer in use were asked for: strangers' names cannot make it wait, and it waits as issuers have to.
    await this.#reads.load(NO_ISSUER, true);
  }

  async guardIsOn(): Promise<boolean> {
    return await withTimeout(this.#queryTimeout, readGuardSetting(this.#client));
  }

  freshFor(issuer: string): number {
    if (this.#known.get(issuer)?.generation !== this.#generation) return 0;
    return Math.max(0, this.#confirmedAt + this.#maxStaleness - this.#now());
  }

  async identity(): Promise<RegistryIdentity> {
    const version = this.#version;
    if (version === undefined) throw new Error("Expected a registry that was read");
    const asking = this.#identity ??= databaseIdentity(this.#client);
    // One that failed is asked again.
    asking.catch(() => this.#identity = undefined);
    return { database: await withTimeout(this.#queryTimeout, asking), version };
  }

  async close(): Promise<void> {
    this.#confirmedAt = -Infinity;
    this.#known.clear();
    this.#unknown.clear();
    this.#stopObservingAge();
    this.#reads.close();
    await this.#listener.close();
  }

  /** A read saw the version: everything of this generation is as fresh as that, or suspect. */
  #confirm({ version, sealKey }: RegistrySnapshot, sentAt: number): void {
    // The same object while it is the same key: what was imported for it stays imported.
    if (sealKey?.id !== this.#sealKey?.id || sealKey?.secret !== this.#sealKey?.secret) {
      this.#sealKey = sealKey;
    }
    if (version !== this.#version) {
      this.#version = version;
      this.#suspectEverything();
    }
    this.#confirmedAt = sentAt;
    this.#listener.start();
  }

  #file(
    issuer: string,
    found: RegistryEntry | undefined,
    current: boolean,
  ): RegistryEntry | undefined {
    if (found === undefined) {
      this.#known.delete(issuer);
      if (current) this.#unknown.set(issuer, this.#confirmedAt + UNKNOWN_LIFETIME);
      return undefined;
    }
    const generation = current ? this.#generation : SUSPECT;
    const known = this.#known.get(issuer);
    // The same object, so that imported keys and verified tokens outlive changes of other issuers.
    if (known !== undefined && JSON.stringify(known.entry) === JSON.stringify(found)) {
      known.generation = generation;
      return known.entry;
    }
    this.#unknown.delete(issuer);
    this.#known.set(issuer, { entry: found, generation });
    return found;
  }

  #suspect(issuer: string): void {
    if (issuer === "") {
      this.#reads.announceEverything();
      this.#suspectEverything();
      return;
    }
    this.#reads.announce(issuer);
    this.#unknown.delete(issuer);
    const known = this.#known.get(issuer);
    if (known !== undefined) known.generation = SUSPECT;
  }

  #suspectEverything(): void {
    this.#generation++;
    this.#unknown.clear();
  }
}

function asIssuer(entry: RegistryEntry | undefined): IssuerRecord | undefined {
  return entry === undefined || isProvider(entry) ? undefined : entry;
}

function asProvider(entry: RegistryEntry | undefined): ProviderRecord | undefined {
  return entry !== undefined && isProvider(entry) ? entry : undefined;
}

function positive(name: string, value: number): number {
  if (!(value > 0)) throw new RangeError(`Expected "${name}" to be positive, found "${value}"`);
  return value;
}
