import { JwtVerificationError } from "../errors.ts";
import type { FoundProvider, ProviderKeys } from "../federation/provider_key.ts";
import type { ProviderRecord } from "../federation/rule.ts";
import type { KeySource } from "../key_source/key_source.ts";
import type { IssuerRecord } from "../types.ts";
import { hasControlCharacter, MAX_NAME_LENGTH } from "./name.ts";

/** Where {@linkcode findSigner} looks. */
export interface SignerSources {
  readonly keySource: KeySource;
  readonly allowedIssuers?: readonly string[] | undefined;
  readonly providerKeys?: ProviderKeys | undefined;
}

type MaybePromise<Value> = Value | Promise<Value>;
type Signer = IssuerRecord | FoundProvider;

/**
 * Finds who a token says has signed it: an issuer, or an OIDC provider with its keys; without a promise if the sources
 * have them at hand.
 *
 * The name is compared exactly. One that the registry can't hold is not looked up.
 *
 * @param kid From the token's header, for keys that have to be fetched.
 * @throws {JwtVerificationError} `malformed`, `issuer_not_allowed`, `unknown_issuer`, `inactive_issuer`,
 * `registry_unavailable`, `registry_overloaded`, `provider_unavailable`; a promise rejects with the same.
 */
export function findSigner(
  iss: unknown,
  kid: string | undefined,
  { keySource, allowedIssuers, providerKeys }: SignerSources,
): MaybePromise<Signer> {
  if (typeof iss !== "string" || iss === "") {
    throw new JwtVerificationError("malformed", 'Expected "iss" to be a non-empty string');
  }
  const isStorable = iss.length <= MAX_NAME_LENGTH && !hasControlCharacter(iss);
  // Rules name issuers, and are held to the list when one is chosen; a provider is none.
  const isAllowed = allowedIssuers === undefined || allowedIssuers.includes(iss);
  const refusal = isAllowed ? unknownIssuer : issuerNotAllowed;
  if (!isStorable) throw refusal();

  const orProvider = () => {
    if (providerKeys === undefined || keySource.findProvider === undefined) throw refusal();
    return lookUp(
      () => keySource.findProvider?.(iss),
      (provider) => keysOf(activeProvider(provider, iss, refusal), kid, providerKeys),
    );
  };
  if (!isAllowed) return orProvider();
  return lookUp<IssuerRecord, Signer>(
    () => keySource.find(iss),
    (record) => isNothing(record) ? orProvider() : activeRecord(record, iss),
  );
}

/**
 * Finds the record of an issuer that a federation rule names.
 *
 * @throws {JwtVerificationError} `unknown_issuer`, `inactive_issuer`, `registry_unavailable`, `registry_overloaded`; a
 * promise rejects with the same.
 */
export function findIssuer(issuer: string, keySource: KeySource): MaybePromise<IssuerRecord> {
  return lookUp(() => keySource.find(issuer), (record) => {
    if (isNothing(record)) throw unknownIssuer();
    return activeRecord(record, issuer);
  });
}

function lookUp<Row, Result>(
  find: () => MaybePromise<Row | undefined>,
  use: (row: Row | undefined) => MaybePromise<Result>,
): MaybePromise<Result> {
  let found: MaybePromise<Row | undefined>;
  try {
    found = find();
  } catch (cause) {
    throw unavailable(cause);
  }
  if (!(found instanceof Promise)) return use(found);
  return found.then(use, (cause) => {
    throw unavailable(cause);
  });
}

function activeRecord(record: IssuerRecord, iss: string): IssuerRecord {
  if (record.issuer !== iss) throw anotherName();
  if (record.isActive !== true) throw inactive(record.issuer);
  return record;
}

function activeProvider(
  record: ProviderRecord | undefined,
  iss: string,
  refusal: () => JwtVerificationError,
): ProviderRecord {
  if (isNothing(record)) throw refusal();
  if (record.provider !== iss) throw anotherName();
  if (record.isActive !== true) throw inactive(record.provider);
  return record;
}

function keysOf(
  provider: ProviderRecord,
  kid: string | undefined,
  providerKeys: ProviderKeys,
): MaybePromise<FoundProvider> {
  const { provider: issuer } = provider;
  const keys = providerKeys.find(provider, kid);
  return keys instanceof Promise
    ? keys.then((keys) => ({ issuer, provider, keys }))
    : { issuer, provider, keys };
}

/** A source in JavaScript may say `null`. */
function isNothing<Row>(row: Row | undefined | null): row is undefined | null {
  return row === undefined || row === null;
}

// A source that folds case, trims or matches a pattern would hand one issuer's rights to another.
function anotherName(): JwtVerificationError {
  return new JwtVerificationError(
    "registry_unavailable",
    "Expected the key source to answer with the issuer it was asked for",
  );
}

function inactive(issuer: string): JwtVerificationError {
  return new JwtVerificationError("inactive_issuer", "The issuer is deactivated", { issuer });
}

function unknownIssuer(): JwtVerificationError {
  return new JwtVerificationError("unknown_issuer", "The issuer is not registered");
}

function issuerNotAllowed(): JwtVerificationError {
  return new JwtVerificationError("issuer_not_allowed", "Expected one of the allowed issuers");
}

function unavailable(cause: unknown): JwtVerificationError {
  if (cause instanceof JwtVerificationError && cause.reason === "registry_overloaded") return cause;
  return new JwtVerificationError("registry_unavailable", "The registry cannot be read", { cause });
}
