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
import { hs256Signer } from "../downstream/hs256_signer.ts";
import { jwkSigner } from "../downstream/jwk_signer.ts";
import { checkedSecret } from "../gateway/gateway_secret.ts";
import { createRouter } from "../request/router.ts";
import { postgresKeySource } from "../registry/postgres_key_source.ts";
import { headerNames } from "../upstream/forwarded_headers.ts";
import { Environment } from "./environment.ts";
import { KNOWN_VARIABLES } from "./known_variables.ts";
import type { ConfiguredProxyOptions } from "./proxy_options.ts";
import { apiKeys, jwtSecret, publishableKey, serviceKey, signingJwk } from "./secrets.ts";
import { boolean, durationUpTo, list, port } from "./values.ts";
import { withoutUndefined } from "./without_undefined.ts";

/** Milliseconds. A registry that is older than the first says nothing; a worker lives no longer than the second. */
const TEN_MINUTES = 600_000;
const WEEK = 604_800_000;

/**
 * Makes the options of `createJwtSwapProxy` from an environment.
 *
 * | variable | |
 * |---|---|
 * | `SUPABASE_URL` | the target; from the platform |
 * | `COUNTERSIGN_DB_URL`, else `SUPABASE_DB_URL` | the registry's Postgres; without either it is read over REST with `SUPABASE_SECRET_KEYS` or `SUPABASE_SERVICE_ROLE_KEY` |
 * | `COUNTERSIGN_DB_CA` | PEM certificates to trust for it |
 * | `COUNTERSIGN_DB_LISTEN` | `false`: poll only. Default: `true`, unless the port is 6543 |
 * | `COUNTERSIGN_MAX_STALENESS` | how long the registry may be unreachable, at most `10m`. Default: `5s` |
 * | `SUPABASE_PUBLISHABLE_KEYS`, else `SUPABASE_ANON_KEY` | the gateway's key; from the platform; not needed with `COUNTERSIGN_UPSTREAM_URL` |
 * | `COUNTERSIGN_SIGNING_JWK`, else `COUNTERSIGN_JWT_SECRET`, else `JWT_SECRET` | signs downstream tokens |
 * | `COUNTERSIGN_JWT_SECRET_IS_BASE64` | `true`: the secret is base64 of the bytes to sign with. Default: `false` |
 * | `COUNTERSIGN_AUDIENCE` | what tokens call this target, separated by commas. Default: the project's ref and `SUPABASE_URL` |
 * | `COUNTERSIGN_REQUIRE_AUDIENCE` | `true`: refuse tokens without `aud`. Default: `false` |
 * | `COUNTERSIGN_ALLOWED_ISSUERS` | only these issuers, separated by commas |
 * | `COUNTERSIGN_MAX_TOKEN_LIFETIME` | the longest time from now to `exp`. Default: as each policy says |
 * | `COUNTERSIGN_UPSTREAM_URL` | PostgREST. Default: `SUPABASE_URL` and `/rest/v1` |
 * | `COUNTERSIGN_UPSTREAM_TIMEOUT` | at most `10m`. Default: `60s` |
 * | `COUNTERSIGN_REQUEST_HEADERS` | names of further request headers that PostgREST gets, separated by commas |
 * | `COUNTERSIGN_RESPONSE_HEADERS` | names of further headers of PostgREST's that the client gets, separated by commas |
 * | `COUNTERSIGN_GATEWAY_SECRET` | turns `/-/authorize` on for a gateway that sends it |
 * | `COUNTERSIGN_MOUNT_PATH` | Default: `/functions/v1/rest` |
 * | `COUNTERSIGN_PUBLIC_URL` | where callers reach the mount path. Default: `SUPABASE_URL` and the mount path |
 * | `PORT` | checked here, and read by whoever listens |
 * | `COUNTERSIGN_SERVER_TIMING` | `true`: answers have the proxy's phases in `Server-Timing`. Default: `false` |
 *
 * Durations are `500ms`, `5s`, `1m`, `1h` or a number of seconds. White space around a value is left out, and quotes
 * around it. Any other variable whose name begins with `COUNTERSIGN_` is refused. Refusals are written to the console as
 * lines of JSON, of which each kind has a budget.
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
  variables.refuseUnknown(KNOWN_VARIABLES);
  const supabaseUrl = variables.parse("SUPABASE_URL", readProjectUrl);
  if (variables.get("SUPABASE_URL") === undefined) {
    variables.add("SUPABASE_URL", "is missing; the platform sets it, elsewhere set it yourself");
  }
  const upstreamUrl = variables.parse(
    "COUNTERSIGN_UPSTREAM_URL",
    (url) => upstream(url, supabaseUrl),
  );
  const apikey = gatewayKey(variables);
  const signer = signerFrom(variables);
  const registry = registryFrom(variables, supabaseUrl);
  const lifetime = variables.parse("COUNTERSIGN_MAX_TOKEN_LIFETIME", durationUpTo(WEEK, "168h"));
  const optional = {
    upstreamUrl,
    apikey,
    audience: variables.parse("COUNTERSIGN_AUDIENCE", list),
    requireAudience: variables.parse("COUNTERSIGN_REQUIRE_AUDIENCE", boolean),
    allowedIssuers: variables.parse("COUNTERSIGN_ALLOWED_ISSUERS", list),
    maxTokenLifetimeSec: lifetime && lifetime / 1000,
    upstreamTimeout: variables.parse(
      "COUNTERSIGN_UPSTREAM_TIMEOUT",
      durationUpTo(TEN_MINUTES, "10m"),
    ),
    requestHeaders: variables.parse(
      "COUNTERSIGN_REQUEST_HEADERS",
      (names) => headerNames(list(names)),
    ),
    responseHeaders: variables.parse(
      "COUNTERSIGN_RESPONSE_HEADERS",
      (names) => headerNames(list(names)),
    ),
    mountPath: variables.parse("COUNTERSIGN_MOUNT_PATH", mountPath),
    publicUrl: variables.parse("COUNTERSIGN_PUBLIC_URL", readServerUrl),
    gatewaySecret: variables.parse("COUNTERSIGN_GATEWAY_SECRET", checkedSecret),
    serverTiming: variables.parse("COUNTERSIGN_SERVER_TIMING", boolean),
  };
  variables.parse("PORT", port);
  const isComplete = supabaseUrl !== undefined && signer !== undefined && registry !== undefined;
  if (variables.any || !isComplete) return variables.fail();

  const logger = consoleLogger();
  return {
    ...withoutUndefined(optional),
    supabaseUrl,
    signer,
    keySource: registry.keySource,
    onEvent: logger.log,
    async close() {
      // First, and at once: a worker that ends waits for nothing.
      logger.flush();
      await registry.close();
    },
  };
}

function upstream(value: string, supabaseUrl: string | undefined): string {
  const url = readServerUrl(value);
  if (url !== supabaseUrl) return url;
  throw new TypeError("Expected PostgREST's own URL; leave it out to use the project's /rest/v1");
}

function mountPath(value: string): string {
  createRouter(value);
  return value;
}

/** Never a secret key: what the gateway needs is any key of the project. */
function gatewayKey(variables: Environment): string | undefined {
  const name = variables.first("SUPABASE_PUBLISHABLE_KEYS", "SUPABASE_ANON_KEY");
  if (name !== undefined) {
    return variables.parse(name, (value) => publishableKey(oneOf(value)));
  }
  if (variables.get("COUNTERSIGN_UPSTREAM_URL") !== undefined) return undefined;
  return variables.add(
    "SUPABASE_PUBLISHABLE_KEYS",
    "is missing, and SUPABASE_ANON_KEY too; set one, or COUNTERSIGN_UPSTREAM_URL to reach PostgREST directly",
  );
}

/** The key called `default`, or else the first. */
function oneOf(value: string): string {
  const keys = apiKeys(value);
  const key = keys.default ?? Object.values(keys)[0];
  if (key === undefined) throw new TypeError("Expected at least one key");
  return key;
}

function signerFrom(variables: Environment): DownstreamSigner | undefined {
  const isBase64 = variables.parse("COUNTERSIGN_JWT_SECRET_IS_BASE64", boolean) ?? false;
  // Also beside a secret: while one gives way to the other no worker may start without either.
  const jwk = variables.get("COUNTERSIGN_SIGNING_JWK");
  if (jwk !== undefined) {
    return variables.try("COUNTERSIGN_SIGNING_JWK", () => jwkSigner(signingJwk(jwk)));
  }
  const name = variables.first("COUNTERSIGN_JWT_SECRET", "JWT_SECRET");
  if (name !== undefined) {
    return variables.parse(name, (secret) => hs256Signer(jwtSecret(secret, isBase64)));
  }
  return variables.add(
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
  const maxStaleness = variables.parse(
    "COUNTERSIGN_MAX_STALENESS",
    durationUpTo(TEN_MINUTES, "10m"),
  );
  const staleness = withoutUndefined({ maxStaleness });
  const name = variables.first("COUNTERSIGN_DB_URL", "SUPABASE_DB_URL");
  if (name === undefined) {
    const serviceRoleKey = secretKey(variables);
    if (supabaseUrl === undefined || serviceRoleKey === undefined) return undefined;
    const keySource = restKeySource({ supabaseUrl, serviceRoleKey, ...staleness });
    return { keySource, close: () => Promise.resolve() };
  }
  const client = variables.parse(name, (url) => {
    if (/(?:\[|%5B)YOUR-PASSWORD(?:\]|%5D)/i.test(url)) {
      throw new TypeError("Expected the database's password in place of [YOUR-PASSWORD]");
    }
    return connectPostgres(url, {
      ...withoutUndefined({ ca }),
      // Without a port for sessions there is nothing to listen on, whatever the variable says.
      ...(listen === false && { listen }),
    });
  });
  if (client === undefined) return undefined;
  const keySource = postgresKeySource(client, staleness);
  return {
    keySource,
    async close() {
      await keySource.close();
      await client.end();
    },
  };
}

function secretKey(variables: Environment): string | undefined {
  const name = variables.first("SUPABASE_SECRET_KEYS", "SUPABASE_SERVICE_ROLE_KEY");
  if (name !== undefined) return variables.parse(name, (value) => serviceKey(oneOf(value)));
  return variables.add(
    "COUNTERSIGN_DB_URL",
    "is missing, and so is every other way to the registry; set it to the target's Postgres",
  );
}
