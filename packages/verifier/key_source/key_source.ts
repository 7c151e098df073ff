import type { ProviderRecord } from "../federation/rule.ts";
import type { IssuerRecord, SealKey } from "../types.ts";

/**
 * Where a verifier finds issuers.
 *
 * A source answers from memory without a promise where it can, returns the *same object* for as long as
 * nothing changed, and rejects when it cannot say: the caller then refuses with `registry_unavailable`,
 * or with `registry_overloaded` if that is what the source rejects with.
 */
export interface KeySource {
  /**
   * Finds an issuer by its exact name.
   *
   * @param issuer The name that an unverified token gives: at most 255 characters, none of them a control
   * character. Errors must not repeat it.
   * @returns The record, inactive ones included; `undefined` if there is none.
   */
  find(issuer: string): IssuerRecord | undefined | Promise<IssuerRecord | undefined>;
  /**
   * Finds an OIDC provider by its exact name, as fresh as {@linkcode KeySource.find}. Asked only for a name that no issuer
   * has.
   *
   * Left out by a source that has no providers: then every token is an issuer's.
   *
   * @param provider The name that an unverified token gives. Errors must not repeat it.
   * @returns The record, inactive ones included; `undefined` if there is none.
   */
  findProvider?(
    provider: string,
  ): ProviderRecord | undefined | Promise<ProviderRecord | undefined>;
  /**
   * The key to seal downstream tokens with, no older than the answer of the last `find`. Only the proxy asks,
   * and only after `find` has answered.
   *
   * Left out by a source that has no such key: its downstream tokens carry no seal, and a target with the
   * guard on refuses them.
   *
   * @returns The newest key; `undefined` if the registry was read and holds none.
   */
  sealKey?(): SealKey | undefined | Promise<SealKey | undefined>;
  /**
   * Reads the registry, however many names are being looked up: anybody can make those up. Only the proxy asks, to say
   * whether it is ready. Left out by a source that has no registry.
   *
   * @returns Resolves if the registry can be read, and rejects if it cannot.
   */
  check?(): Promise<void>;
  /**
   * Whether the database names the guard as PostgREST's pre-request function. Only the proxy asks, to tell whether
   * PostgREST follows. Left out by a source that cannot know.
   */
  guardIsOn?(): Promise<boolean>;
  /**
   * For how long the record that `find` would answer with from memory may still be believed, in milliseconds. Anyone who
   * keeps something that follows from it elsewhere asks this, and keeps it no longer.
   *
   * Left out by a source that cannot say: nothing may be kept.
   *
   * @param issuer The name of a record that `find` has returned.
   * @returns 0 where it would have to be read again.
   */
  freshFor?(issuer: string): number;
  /** Which registry this is. Only the proxy asks, to report it. Left out by a source that cannot know. */
  identity?(): Promise<RegistryIdentity>;
}

/** Tells one registry, and one state of it, from another. */
export interface RegistryIdentity {
  /** Identifies the database that it is in: 16 hexadecimal digits. */
  readonly database: string;
  /** Changes with the registry. */
  readonly version: string;
}
