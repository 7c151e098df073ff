import { openDatabase } from "@countersign/registry-admin";
import { usage } from "../errors.ts";
import type { CliIo } from "../io.ts";
import { databaseTarget, givenServiceKey, type TargetOptions } from "../options/registry_target.ts";
import { projectUrl, serverUrl } from "../options/url_options.ts";
import type { Access, Unavailable } from "./target.ts";

export interface DoctorOptions extends TargetOptions {
  readonly apikey?: string;
  readonly functionUrl?: string;
}

/**
 * Gathers every way to a target that its operator gave.
 *
 * A database in the environment that may be another project's is left out: health read from two projects would mislead.
 */
export async function accessTo(options: DoctorOptions, io: CliIo): Promise<Access> {
  const { env } = io;
  const url = projectUrl("--target", options.target ?? env.SUPABASE_URL);
  const key = await givenServiceKey(options.serviceRole, io);
  return {
    url,
    functionUrl: options.functionUrl === undefined
      ? `${url}/functions/v1/rest`
      : serverUrl("--function-url", options.functionUrl),
    allowedIssuers: env.COUNTERSIGN_ALLOWED_ISSUERS?.split(",").map((name) => name.trim()),
    apikey: options.apikey || env.SUPABASE_PUBLISHABLE_KEY || env.SUPABASE_ANON_KEY || key,
    registry: key === undefined
      ? undefined
      : { supabaseUrl: url, serviceRoleKey: key, fetch: io.fetch },
    database: await database(url, options, io),
  };
}

async function database(
  url: string,
  options: DoctorOptions,
  io: CliIo,
): Promise<Access["database"]> {
  const isGiven = options.databaseUrl !== undefined;
  if (!isGiven && !io.env.COUNTERSIGN_ADMIN_DB_URL) return unavailable("give --database-url");
  const target = await databaseTarget(options, io);
  const [ours, its] = [refOfProject(url), refOfDatabase(target.databaseUrl)];
  if (isGiven && ours !== undefined && its !== undefined && ours !== its) {
    usage(`Expected --database-url to be that of ${ours}, found that of ${its}`);
  }
  if (!isGiven && options.target !== undefined && (ours === undefined || ours !== its)) {
    return unavailable(
      "COUNTERSIGN_ADMIN_DB_URL may be that of another project; give --database-url, or SUPABASE_URL instead of --target",
    );
  }
  return openDatabase(target);
}

function unavailable(why: string): Unavailable {
  return { why };
}

function refOfProject(url: string): string | undefined {
  return /^([a-z0-9]+)\.supabase\.(?:co|in|red)$/.exec(new URL(url).hostname)?.[1];
}

/** A direct connection has the project in its host, a pooler's in the user. */
function refOfDatabase(databaseUrl: string): string | undefined {
  const { hostname, username } = URL.parse(databaseUrl) ?? { hostname: "", username: "" };
  return /\.pooler\.supabase\.com$/.test(hostname)
    ? /\.([a-z0-9]+)$/.exec(username)?.[1]
    : /^db\.([a-z0-9]+)\.supabase\.(?:co|in|red)$/.exec(hostname)?.[1];
}
