import { readFile } from "node:fs/promises";
import type { DatabaseTarget, RegistryTarget } from "@countersign/registry-admin";
import { type Command, Option } from "commander";
import { CliError, usage } from "../errors.ts";
import type { CliIo } from "../io.ts";
import { reason } from "./input.ts";
import { projectUrl } from "./url_options.ts";

/** What {@linkcode addTargetOptions} makes commander parse. */
export interface TargetOptions {
  readonly target?: string;
  readonly serviceRole?: string;
  readonly databaseUrl?: string;
}

/** Adds the options that say which registry to work on. */
export function addTargetOptions(command: Command): Command {
  return command
    .option("--target <url>", "the project's URL (or SUPABASE_URL)")
    .option(
      "--service-role <key>",
      'a service key, "-" for standard input; prefer SUPABASE_SERVICE_ROLE_KEY or COUNTERSIGN_SERVICE_KEY, which other processes cannot see',
    )
    .addOption(databaseUrlOption());
}

/** The option that names a database. */
export function databaseUrlOption(): Option {
  return new Option(
    "--database-url <url>",
    'the project\'s database, "-" for standard input; prefer COUNTERSIGN_ADMIN_DB_URL',
  );
}

/**
 * Decides which registry is meant: flags first, then `SUPABASE_URL` with a service key, then `COUNTERSIGN_ADMIN_DB_URL`.
 * A flag for one way never mixes with the environment's other way, which may lead to another project.
 */
export async function registryTarget(options: TargetOptions, io: CliIo): Promise<RegistryTarget> {
  const { target, serviceRole, databaseUrl } = options;
  const { env } = io;
  if (databaseUrl !== undefined) {
    if (target !== undefined || serviceRole !== undefined) {
      usage("Expected --target with a service key, or --database-url, found both");
    }
    return await databaseTarget(options, io);
  }
  const restIsMeant = target !== undefined || serviceRole !== undefined ||
    Boolean(env.SUPABASE_URL && (env.COUNTERSIGN_SERVICE_KEY || env.SUPABASE_SERVICE_ROLE_KEY));
  if (!restIsMeant && env.COUNTERSIGN_ADMIN_DB_URL) return await databaseTarget(options, io);
  const supabaseUrl = target ?? env.SUPABASE_URL;
  if (!supabaseUrl) {
    usage("Expected --target <url> with a service key, or --database-url <url>; see --help");
  }
  return {
    supabaseUrl: projectUrl(target === undefined ? "SUPABASE_URL" : "--target", supabaseUrl),
    serviceRoleKey: await serviceKey(serviceRole, io),
    fetch: io.fetch,
  };
}

/** How a person recognises the target. */
export function hostOf(target: RegistryTarget): string {
  if ("sql" in target) return "the database";
  const url = "supabaseUrl" in target ? target.supabaseUrl : target.databaseUrl;
  return URL.canParse(url) ? new URL(url).host : "the target";
}

/** For what only SQL can do. */
export async function databaseTarget(
  { databaseUrl }: Pick<TargetOptions, "databaseUrl">,
  io: CliIo,
): Promise<DatabaseTarget> {
  const given = databaseUrl === "-" ? (await io.stdin()).trim() : databaseUrl;
  const url = given || io.env.COUNTERSIGN_ADMIN_DB_URL;
  if (!url) usage("Expected --database-url <url>, or COUNTERSIGN_ADMIN_DB_URL");
  const ca = await certificateAuthority(io.env.COUNTERSIGN_DB_CA);
  return { databaseUrl: url, ...(ca === undefined ? {} : { databaseCa: ca }) };
}

async function serviceKey(given: string | undefined, io: CliIo): Promise<string> {
  return await givenServiceKey(given, io) ?? usage(
    "Expected a service key in SUPABASE_SERVICE_ROLE_KEY or COUNTERSIGN_SERVICE_KEY, or --service-role -",
  );
}

/** The service key, for what can do without. */
export async function givenServiceKey(
  given: string | undefined,
  { env, stdin }: CliIo,
): Promise<string | undefined> {
  const key = given === "-"
    ? (await stdin()).trim()
    : given || env.COUNTERSIGN_SERVICE_KEY || env.SUPABASE_SERVICE_ROLE_KEY;
  return key || undefined;
}

/** `COUNTERSIGN_DB_CA` is PEM text, as for the function, or the name of a file that holds it. */
async function certificateAuthority(value: string | undefined): Promise<string | undefined> {
  if (!value || value.includes("-----BEGIN")) return value || undefined;
  try {
    return await readFile(value, "utf8");
  } catch (error) {
    throw new CliError("failed", `Cannot read COUNTERSIGN_DB_CA from "${value}": ${reason(error)}`);
  }
}
