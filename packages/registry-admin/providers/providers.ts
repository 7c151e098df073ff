import { type Algorithm, ALGORITHMS } from "@countersign/verifier";
import { RegistryError } from "../errors.ts";
import type { Columns, ColumnValue, Row } from "../store/registry_store.ts";
import { flag, instant, nullable, object, text, texts } from "../store/rows.ts";
import { withRegistry } from "../store/with_registry.ts";
import type { RegistryTarget } from "../target.ts";

/** What is known of an OIDC provider. Omitted fields have the database's default. */
export interface ProviderFields {
  /**
   * Where its keys are: `discovery` asks `<issuer>/.well-known/openid-configuration`, `jwks_uri` asks `jwksUri`, `jwks` asks
   * nothing and takes `jwks`. Default: `discovery`.
   */
  readonly keysFrom?: "discovery" | "jwks_uri" | "jwks";
  /** The URL of its JSON Web Key Set (https), if `keysFrom` is `jwks_uri`. */
  readonly jwksUri?: string | null;
  /** Its JSON Web Key Set (RFC 7517), if `keysFrom` is `jwks`. Public keys only. */
  readonly jwks?: Readonly<Record<string, unknown>> | null;
  /** The algorithms that its tokens may be signed with. Default: RS256. */
  readonly algorithms?: readonly Algorithm[];
  /** Whether its keys may be fetched from a private or loopback address. Default: `false`. */
  readonly allowPrivate?: boolean;
  /** A note for people. */
  readonly description?: string | null;
}

/** A provider that is to be added. */
export interface ProviderRegistration extends ProviderFields {
  /** The exact `iss` of its tokens: an https URL. */
  readonly issuer: string;
}

/** A provider as the registry has it. */
export interface RegisteredProvider extends Required<ProviderRegistration> {
  /** `false`: every one of its tokens is rejected, whatever its rules. */
  readonly isActive: boolean;
  /** Thumbprints (RFC 7638) of its keys that are revoked here. */
  readonly revokedKids: readonly string[];
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** ISO 8601, UTC. */
  readonly updatedAt: string;
}

/**
 * Adds an OIDC provider. Its tokens are accepted only by rules ({@linkcode addRule}).
 *
 * **Does not** fetch anything: whether its keys are there shows when the first token arrives, or in the proxy's `readyz`.
 *
 * @throws {RegistryError} `conflict` (the name is registered, as a provider or as an issuer), `invalid_argument`,
 * `not_authorized`, `schema_missing`, `unreachable`.
 *
 * @example Add a provider, shut it out, and let it in again
 * ```ts
 * import { activateProvider, addProvider, deactivateProvider, listProviders } from "@countersign/registry-admin";
 * import { startLocalTarget } from "@countersign/local-target";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({ function: false });
 * const project = { supabaseUrl: target.url, serviceRoleKey: target.secretKey };
 *
 * const issuer = "https://token.actions.githubusercontent.com";
 * assert.equal((await addProvider(project, { issuer })).keysFrom, "discovery");
 *
 * await deactivateProvider(project, issuer);
 * assert.deepEqual((await listProviders(project)).map(({ isActive }) => isActive), [false]);
 * await activateProvider(project, issuer);
 * ```
 */
export async function addProvider(
  target: RegistryTarget,
  { issuer, ...fields }: ProviderRegistration,
): Promise<RegisteredProvider> {
  return await withRegistry(target, async (registry) => {
    const columns = { issuer, ...providerColumns(fields) };
    const [row] = await registry.insert("jwt_oidc_providers", columns, "issuer");
    if (row !== undefined) return registeredProvider(row, []);
    throw new RegistryError(
      "conflict",
      `Expected a provider that is not registered on "${registry.host}"; "${issuer}" is`,
    );
  });
}

/**
 * Lists the OIDC providers by name, deactivated ones included.
 *
 * @throws {RegistryError} `not_authorized`, `schema_missing`, `unreachable`.
 *
 * @see {@linkcode addProvider} for an example
 */
export async function listProviders(target: RegistryTarget): Promise<RegisteredProvider[]> {
  return await withRegistry(target, async (registry) => {
    const rows = await registry.select("jwt_oidc_providers", { order: ["issuer"] });
    const revoked = await registry.select("jwt_revoked_provider_keys", {
      order: ["provider", "kid"],
    });
    return rows.map((row) =>
      registeredProvider(row, revoked.filter(({ provider }) => provider === row.issuer))
    ).sort((a, b) => a.issuer < b.issuer ? -1 : 1);
  });
}

function providerColumns(fields: ProviderFields): Columns {
  const given: Record<string, ColumnValue | undefined> = {
    keys_from: fields.keysFrom,
    jwks_uri: fields.jwksUri,
    jwks: fields.jwks,
    algorithms: fields.algorithms,
    allow_private: fields.allowPrivate,
    description: fields.description,
  };
  const columns: Record<string, ColumnValue> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) columns[name] = value;
  }
  return columns;
}

/** Reads a row of `jwt_oidc_providers`, with those of `jwt_revoked_provider_keys` that are its. */
function registeredProvider(row: Row, revoked: readonly Row[]): RegisteredProvider {
  const keysFrom = text(row, "keys_from");
  return {
    issuer: text(row, "issuer"),
    isActive: flag(row, "is_active"),
    keysFrom: keysFrom === "jwks" || keysFrom === "jwks_uri" ? keysFrom : "discovery",
    jwksUri: nullable(row, "jwks_uri", text),
    jwks: nullable(row, "jwks", object),
    algorithms: texts(row, "algorithms").flatMap((name) =>
      ALGORITHMS.filter((known) => known === name)
    ),
    allowPrivate: flag(row, "allow_private"),
    description: nullable(row, "description", text),
    revokedKids: revoked.map((key) => text(key, "kid")),
    createdAt: instant(row, "created_at"),
    updatedAt: instant(row, "updated_at"),
  };
}
