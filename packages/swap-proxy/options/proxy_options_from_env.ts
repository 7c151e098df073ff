import {
  canonicalCertificates,
  type KeySource,
  readProjectUrl,
  readServerUrl,
  restKeySource,
} from "@countersign/verifier";
import { connectPostgres } from "@countersign/postgres";
import { consoleLogger } from "../events/console_logger.ts";
import type { DownstreamSigner } from "../downstream/downstream_signer.ts";
import { boolean, duration, Environment, list } from "./environment.ts";
import { hs256Signer } from "../downstream/hs256_signer.ts";
import { jwkSigner, type PrivateJwk } from "../downstream/jwk_signer.ts";
import { createRouter } from "../request/router.ts";
import { postgresKeySource } from "../registry/postgres_key_source.ts";
import type { ProxyOptions } from "./proxy_options.ts";

/** What {@linkcode proxyOptionsFromEnv} returns: options, and a way to close what they hold open. */
export interface ConfiguredProxyOptions extends ProxyOptions {
  /** Writes what the log still owes, and closes the connections to the registry. */
  close(): Promise<void>;
}

/**
 * Makes the options of `createJwtSwapProxy` from an environment.
 *
 * | variable | |
 * |---|---|
 * | `SUPABASE_URL` | the target; from the platform |
 * | `COUNTERSIGN_DB_URL`, else `SUPABASE_DB_URL` | the registry's Postgres; without either it is read over REST with `SUPABASE_SECRET_KEYS` or `SUPABASE_SERVICE_ROLE_KEY` |
 * | `COUNTERSIGN_DB_CA` | PEM certificates to trust for it |
 * | `COUNTERSIGN_DB_LISTEN` | `false`: poll only; default `true`, unless the port is 6543 |
 * | `COUNTERSIGN_MAX_STALENESS` | how long the registry may be unreachable, default `5s` |
 * | `SUPABASE_PUBLISHABLE_KEYS`, else `SUPABASE_ANON_KEY` | the gateway's key; from the platform; not needed with `COUNTERSIGN_UPSTREAM_URL` |
 * | `COUNTERSIGN_SIGNING_JWK`, else `COUNTERSIGN_JWT_SECRET`, else `JWT_SECRET` | signs downstream tokens |
 * | `COUNTERSIGN_AUDIENCE` | what tokens call this target, separated by commas; default the project's ref and `SUPABASE_URL` |
 * | `COUNTERSIGN_REQUIRE_AUDIENCE` | `true`: refuse tokens without `aud`; default `false` |
 * | `COUNTERSIGN_ALLOWED_ISSUERS` | only these issuers, separated by commas |
 * | `COUNTERSIGN_UPSTREAM_URL` | PostgREST; default `SUPABASE_URL` and `/rest/v1` |
 * | `COUNTERSIGN_UPSTREAM_TIMEOUT` | default `60s` |
 * | `COUNTERSIGN_MOUNT_PATH` | default `/functions/v1/rest` |
 * | `COUNTERSIGN_SERVER_TIMING` | `true`: answers say in `Server-Timing` where the time went; default `false` |
 *
 * Durations are `500ms`, `5s`, `1m` or a number of seconds. Refusals are written to the console as lines of
 * JSON, at most 50 in ten seconds.
 *
 * **Does not** read the process's environment by itself, nor connect before the first request.
 *
 * @param env For example `Deno.env.toObject()`.
 * @returns Options, and `close()` for what they hold open.
 * @throws {ConfigurationError} Names every variable that is missing or wrong, never a value.
 *
 * @example Name what is missing
 * ```ts
 * import { ConfigurationError, proxyOptionsFromEnv } from "@countersign/swap-proxy";
 * import assert from "node:assert/strict";
 *
 * assert.throws(
 *   () => proxyOptionsFromEnv({ SUPABASE_URL: "https://prod-abc123.supabase.co" }),
 *   (error) =>
 *     error instanceof ConfigurationError &&
 *     error.problems.some(({ name }) => name === "COUNTERSIGN_JWT_SECRET"),
 * );
 * ```
 */
export function proxyOptionsFromEnv(
  env: Readonly<Record<string, string>>,
): ConfiguredProxyOptions {
  const variables = new Environment(env);
  const supabaseUrl = variables.parse("SUPABASE_URL", readProjectUrl);
  if (variables.get("SUPABASE_URL") === undefined) {
    variables.problem(
      "SUPABASE_URL",
      "is missing; the platform sets it, elsewhere set it yourself",
    );
  }
  const upstreamUrl = variables.parse("COUNTERSIGN_UPSTREAM_URL", readServerUrl);
  const apikey = publishableKey(variables, upstreamUrl !== undefined);
  const signer = signerFrom(variables);
  const registry = registryFrom(variables, supabaseUrl);
  const audience = variables.parse("COUNTERSIGN_AUDIENCE", list);
  const requireAudience = variables.parse("COUNTERSIGN_REQUIRE_AUDIENCE", boolean);
  const allowedIssuers = variables.parse("COUNTERSIGN_ALLOWED_ISSUERS", list);
  const upstreamTimeout = variables.parse("COUNTERSIGN_UPSTREAM_TIMEOUT", duration);
  const serverTiming = variables.parse("COUNTERSIGN_SERVER_TIMING", boolean);
  const mountPath = variables.get("COUNTERSIGN_MOUNT_PATH");
  if (mountPath) variables.try("COUNTERSIGN_MOUNT_PATH", () => createRouter(mountPath));
  const isComplete = supabaseUrl !== undefined && signer !== undefined && registry !== undefined;
  if (variables.hasProblems || !isComplete) return variables.fail();

  const logger = consoleLogger();
  return {
    supabaseUrl,
    signer,
    keySource: registry.keySource,
    onEvent: logger.log,
    async close() {
      // First, and at once: a worker that ends waits for nothing.
      logger.flush();
      await registry.close();
    },
    ...(upstreamUrl !== undefined && { upstreamUrl }),
    ...(apikey !== undefined && { apikey }),
    ...(audience !== undefined && { audience }),
    ...(requireAudience !== undefined && { requireAudience }),
    ...(allowedIssuers !== undefined && { allowedIssuers }),
    ...(upstreamTimeout !== undefined && { upstreamTimeout }),
    ...(mountPath !== undefined && { mountPath }),
    ...(serverTiming !== undefined && { serverTiming }),
  };
}

/** Never a secret key: what the gateway needs is any key of the project. */
function publishableKey(variables: Environment, isOptional: boolean): string | undefined {
  const keys = variables.parse("SUPABASE_PUBLISHABLE_KEYS", namedKeys);
  const key = keys?.default ?? Object.values(keys ?? {})[0] ?? variables.get("SUPABASE_ANON_KEY");
  if (key === undefined && !isOptional) {
    return variables.problem(
      "SUPABASE_PUBLISHABLE_KEYS",
      "is missing, and SUPABASE_ANON_KEY too; set one, or COUNTERSIGN_UPSTREAM_URL to reach PostgREST directly",
    );
  }
  return key;
}

function signerFrom(variables: Environment): DownstreamSigner | undefined {
  const jwk = variables.get("COUNTERSIGN_SIGNING_JWK");
  if (jwk !== undefined) {
    // Also beside a secret: while one gives way to the other no worker may start without either.
    return variables.try("COUNTERSIGN_SIGNING_JWK", () => jwkSigner(privateJwk(jwk)));
  }
  const name = variables.get("COUNTERSIGN_JWT_SECRET") !== undefined
    ? "COUNTERSIGN_JWT_SECRET"
    : "JWT_SECRET";
  const secret = variables.get(name);
  if (secret !== undefined) return variables.try(name, () => hs256Signer(secret));
  return variables.problem(
    "COUNTERSIGN_JWT_SECRET",
    "is missing; set it to the project's JWT secret, or set COUNTERSIGN_SIGNING_JWK",
  );
}

interface Registry {
  readonly keySource: KeySource;
  close(): Promise<void>;
}

function registryFrom(
  variables: Environment,
  supabaseUrl: string | undefined,
): Registry | undefined {
  const ca = variables.parse("COUNTERSIGN_DB_CA", canonicalCertificates);
  const listen = variables.parse("COUNTERSIGN_DB_LISTEN", boolean);
  const maxStaleness = variables.parse("COUNTERSIGN_MAX_STALENESS", duration);
  const staleness = maxStaleness !== undefined && { maxStaleness };
  const name = variables.get("COUNTERSIGN_DB_URL") !== undefined
    ? "COUNTERSIGN_DB_URL"
    : "SUPABASE_DB_URL";
  const databaseUrl = variables.get(name);

  if (databaseUrl === undefined) {
    const serviceRoleKey = secretKey(variables);
    if (supabaseUrl === undefined || serviceRoleKey === undefined) return undefined;
    const keySource = restKeySource({ supabaseUrl, serviceRoleKey, ...staleness });
    return { keySource, close: () => Promise.resolve() };
  }
  const client = variables.try(name, () =>
    connectPostgres(databaseUrl, {
      ...(ca !== undefined && { ca }),
      // Without a port for sessions there is nothing to listen on, whatever the variable says.
      ...(listen === false && { listen }),
    }));
  if (client === undefined) return undefined;
  const keySource = postgresKeySource(client, { ...staleness });
  return {
    keySource,
    async close() {
      await keySource.close();
      await client.end();
    },
  };
}

function secretKey(variables: Environment): string | undefined {
  const keys = variables.parse("SUPABASE_SECRET_KEYS", namedKeys);
  const key = keys?.default ?? Object.values(keys ?? {})[0] ??
    variables.get("SUPABASE_SERVICE_ROLE_KEY");
  return key ?? variables.problem(
    "COUNTERSIGN_DB_URL",
    "is missing, and so is every other way to the registry; set it to the target's Postgres",
  );
}

/** JSON, name → key. */
function namedKeys(value: string): Record<string, string> {
  const keys = jsonObject(value);
  const entries = Object.entries(keys);
  if (!entries.every((entry): entry is [string, string] => typeof entry[1] === "string")) {
    throw new TypeError("Expected a JSON object of names and keys");
  }
  return Object.fromEntries(entries);
}

function privateJwk(value: string): PrivateJwk {
  return jsonObject(value);
}

/** The parser's own error would quote the value. */
function jsonObject(value: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch {
    parsed = undefined;
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new TypeError("Expected a JSON object");
  }
  return { ...parsed };
}
