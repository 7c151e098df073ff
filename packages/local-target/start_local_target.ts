import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { applyMigrations } from "@countersign/registry-admin";
import { LocalTargetError } from "./errors.ts";
import { FunctionProcess } from "./function/function_process.ts";
import { Gateway } from "./gateway/gateway.ts";
import { createProjectKeys, type ProjectKeys, randomText } from "./keys/keys.ts";
import type { LocalTarget, LocalTargetOptions } from "./local_target.ts";
import { platformSql } from "./postgres/platform.ts";
import { PostgresServer } from "./postgres/postgres.ts";
import { Postgrest } from "./postgrest/postgrest.ts";
import type { ProcessContext } from "./process/process.ts";
import { Reaper } from "./process/reaper.ts";
import { verificationKeys } from "./keys/verification_keys.ts";

/**
 * Starts a Supabase-compatible target on this machine: Postgres 17 (or another), PostgREST 12, the platform's gateway and
 * the function. Every target has its own processes, ports, keys and files, so several may run at once.
 *
 * Does **not** outlive this program, however that ends, and needs no {@linkcode LocalTarget.stop} for it.
 *
 * @param options What to apply to the database, and what to run as the function.
 * @returns The target, ready for requests.
 * @throws {LocalTargetError} With the last lines of the process that failed; nothing is left running. `port_unavailable`
 * when `port` is in use, `aborted` when `signal` was aborted.
 * @throws {RangeError} When `postgrest.jwtSecret` is shorter than 32 bytes.
 *
 * @example A function of your own, in this process
 * ```ts
 * import { startLocalTarget } from "@countersign/local-target";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({
 *   migrations: false,
 *   functionHandler: (request) => new Response(new URL(request.url).pathname),
 * });
 *
 * const response = await fetch(`${target.functionsUrl}/rest/v1/widgets`);
 * assert.equal(await response.text(), "/rest/v1/widgets");
 * ```
 */
export async function startLocalTarget(options: LocalTargetOptions = {}): Promise<LocalTarget> {
  try {
    return await start(options);
  } catch (error) {
    // What fails because it was killed is no failure of its own.
    if (options.signal?.aborted !== true) throw error;
    throw new LocalTargetError("aborted", "The start was aborted", { cause: error });
  }
}

async function start(options: LocalTargetOptions): Promise<LocalTarget> {
  const { signal } = options;
  const { secret, trusted } = verificationKeys(options.postgrest?.jwtSecret);
  const keys = createProjectKeys(secret);

  await using started = new AsyncDisposableStack();
  const untilStopped = <S extends Stoppable | undefined>(service: S): S =>
    started.adopt(service, (service) => service?.stop());

  // Before anything that takes time, so that a port that is in use is reported at once.
  const gateway = untilStopped(
    new Gateway({ port: options.port ?? 0, keys, flavour: options.gateway ?? "hosted" }),
  );
  const directory = await temporaryFolder();
  const reaper = started.adopt(new Reaper(directory), (reaper) => reaper.close());
  const context: ProcessContext = { reaper, onLog: options.onLog ?? (() => {}), signal };
  const abort = () => void reaper.close().catch(() => {});
  signal?.addEventListener("abort", abort);
  started.defer(() => signal?.removeEventListener("abort", abort));

  const passwords = { postgres: randomText(18), authenticator: randomText(18) };
  const server = untilStopped(
    await PostgresServer.create(directory, randomText(18), context, options.postgres?.directory),
  );
  const databaseUrl = server.url("postgres", passwords.postgres);
  await runSql(server.url(), [platformSql(passwords, server.version)]);
  if (options.migrations ?? true) await applyMigrations(databaseUrl);
  await runSql(databaseUrl, options.sql ?? []);

  const starting = [
    Postgrest.create({
      databaseUrl: server.url("authenticator", passwords.authenticator),
      jwtSecret: trusted,
      settings: options.postgrest?.settings ?? {},
      directory,
    }, context).then(untilStopped),
    startFunction(options, platformEnv(gateway.url, databaseUrl, keys), directory, context)
      .then(untilStopped),
  ] as const;
  // Both, also when one fails: the other must not come up after the end.
  await Promise.allSettled(starting);
  const [postgrest, functionProcess] = await Promise.all(starting);
  gateway.upstreams.postgrest = postgrest.url;
  const at = options.functionHandler ?? functionProcess?.url;
  if (at !== undefined) gateway.upstreams.function = { name: functionName(options), at };

  signal?.throwIfAborted();
  signal?.removeEventListener("abort", abort);
  const running = started.move();
  let stopped: Promise<void> | undefined;
  const stop = () => stopped ??= running.disposeAsync();
  return {
    ...keys,
    url: gateway.url,
    restUrl: `${gateway.url}/rest/v1`,
    functionsUrl: `${gateway.url}/functions/v1`,
    databaseUrl,
    superuserUrl: server.url(),
    postgrestUrl: postgrest.url,
    postgres: server,
    postgrest,
    functionProcess,
    reloadSchema: () =>
      postgrest.reloaded(() => runSql(databaseUrl, ["notify pgrst, 'reload schema'"])),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function temporaryFolder(): Promise<string> {
  const parent = tmpdir();
  try {
    return await mkdtemp(join(parent, "countersign-"));
  } catch (cause) {
    throw new LocalTargetError(
      "no_temporary_folder",
      `Cannot create a folder in "${parent}": set TMPDIR to a folder that exists and is writable`,
      { cause },
    );
  }
}

interface Stoppable {
  stop(): Promise<void>;
}

async function startFunction(
  options: LocalTargetOptions,
  env: Readonly<Record<string, string>>,
  directory: string,
  context: ProcessContext,
): Promise<FunctionProcess | undefined> {
  const wanted = options.function ?? true;
  if (wanted === false || options.functionHandler !== undefined) return undefined;
  return await FunctionProcess.create(wanted === true ? {} : wanted, env, directory, context);
}

function functionName(options: LocalTargetOptions): string {
  return (typeof options.function === "object" ? options.function.name : undefined) ?? "rest";
}

/** What the platform injects into a function, and the one secret that its operator adds. */
function platformEnv(url: string, databaseUrl: string, keys: ProjectKeys): Record<string, string> {
  return {
    SUPABASE_URL: url,
    SUPABASE_DB_URL: databaseUrl,
    SUPABASE_ANON_KEY: keys.anonKey,
    SUPABASE_SERVICE_ROLE_KEY: keys.serviceRoleKey,
    SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: keys.publishableKey }),
    SUPABASE_SECRET_KEYS: JSON.stringify({ default: keys.secretKey }),
    COUNTERSIGN_JWT_SECRET: keys.jwtSecret,
  };
}

async function runSql(url: string, statements: readonly string[]): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    for (const statement of statements) await sql.unsafe(statement);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : "no reason given";
    throw new LocalTargetError("sql_failed", `Postgres refused the SQL: ${reason}`, { cause });
  } finally {
    await sql.end({ timeout: 1 });
  }
}
