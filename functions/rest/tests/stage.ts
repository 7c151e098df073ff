/**
 * What every test of the function stands on: a real target, the function on one host, a registry
 * that can be taken away, an upstream that counts, and issuers whose tokens can be forged byte by
 * byte.
 */
import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import postgres from "postgres";
import { type Attempt, requestText } from "./attempt.ts";
import { type HttpAnswer, HttpConnection } from "./http_connection.ts";
import type { Host, RunningFunction } from "./hosts.ts";
import { type Cast, generateCastKeys, registerCast } from "./cast.ts";
import { SCHEMA } from "./stage_schema.ts";
import { TcpRelay } from "./tcp_relay.ts";
import { downstreamToken } from "./token_forge.ts";
import { UpstreamTap } from "./upstream_tap.ts";

export interface Stage extends AsyncDisposable, Cast {
  readonly target: LocalTarget;
  readonly host: Host;
  readonly function: RunningFunction;
  /** Between the function and PostgREST. */
  readonly upstream: UpstreamTap;
  /** Between the function and its registry. */
  readonly registry: TcpRelay;
  /** The database, as the hosted `postgres`. */
  readonly sql: postgres.Sql;
  /** What the function is configured with; further functions start from a copy. */
  readonly env: Readonly<Record<string, string>>;
  /** Sends one request to the function over a connection of its own. */
  send(attempt?: Attempt, origin?: string): Promise<HttpAnswer>;
  /** Has PostgREST itself answer what the function should have asked of it. */
  postgrest(claims: Readonly<Record<string, unknown>>, attempt: Attempt): Promise<HttpAnswer>;
  /** Everything that was answered so far, as it stood on the wire. */
  readonly answered: string[];
}

export interface StageOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly sql?: readonly string[];
}

/** Seconds for which the function may believe what it knows of the registry. */
export const MAX_STALENESS = 1;
/** Milliseconds that the function gives the upstream. */
export const UPSTREAM_TIMEOUT = 1_000;

export async function openStage(host: Host, options: StageOptions = {}): Promise<Stage> {
  await using opened = new AsyncDisposableStack();
  const keys = generateCastKeys();
  const target = opened.use(
    await startLocalTarget({ function: false, sql: [SCHEMA, ...options.sql ?? []] }),
  );
  const sql = postgres(target.databaseUrl, { max: 2, onnotice: () => {} });
  opened.defer(() => sql.end({ timeout: 1 }));
  const registry = opened.use(new TcpRelay(target.databaseUrl));
  const upstream = opened.use(new UpstreamTap(target.url));
  const cast = await registerCast(target, sql, await keys);
  const env = {
    SUPABASE_URL: target.url,
    SUPABASE_DB_URL: registry.through(target.databaseUrl),
    SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: target.publishableKey }),
    COUNTERSIGN_JWT_SECRET: target.jwtSecret,
    COUNTERSIGN_UPSTREAM_URL: `${upstream.url}/rest/v1`,
    COUNTERSIGN_MAX_STALENESS: `${MAX_STALENESS}s`,
    COUNTERSIGN_UPSTREAM_TIMEOUT: `${UPSTREAM_TIMEOUT}ms`,
    ...options.env,
  };
  const running = opened.use(await host.start(env));
  const answered: string[] = [];
  const send = async (attempt: Attempt = {}, origin = running.origin) => {
    const token = attempt.token === undefined ? cast.warehouse.token() : attempt.token;
    using connection = await HttpConnection.open(origin);
    const answer = await connection.send(requestText(attempt, token));
    answered.push(answer.wire);
    return answer;
  };

  const all = opened.move();
  return {
    ...cast,
    target,
    host,
    function: running,
    upstream,
    registry,
    sql,
    env,
    answered,
    send,
    async postgrest(claims, attempt) {
      using connection = await HttpConnection.open(target.postgrestUrl);
      const path = attempt.path?.replace(/^\/rest\/v1/, "") ?? "/widgets";
      const token = downstreamToken(claims, target.jwtSecret);
      return await connection.send(requestText({ ...attempt, path }, token));
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
