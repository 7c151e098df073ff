import { join } from "node:path";
import { CliError } from "../errors.ts";
import { reason } from "../options/input.ts";
import { configChange } from "./config_section.ts";
import { MIGRATIONS_FOLDER, type ProjectFile, projectFiles } from "./files.ts";

/** The file that makes a folder a Supabase project. */
export const CONFIG = "supabase/config.toml";

/** What becomes of one file. */
export type Step =
  | { readonly path: string; readonly action: "keep" }
  | { readonly path: string; readonly action: "create" | "append"; readonly content: string }
  | { readonly path: string; readonly action: "obstacle"; readonly reason: string };

/** What becomes of a project. */
export interface Plan {
  readonly steps: readonly Step[];
  /** Whether the project has migrations that are later than ours, which may have been applied before them. */
  readonly hasLaterMigrations: boolean;
}

/**
 * Looks at a project and decides what to write, without writing.
 *
 * @param folder The one that holds `supabase/`.
 * @throws {CliError} It holds none.
 */
export async function planProject(folder: string): Promise<Plan> {
  const config = await contentOf(folder, CONFIG);
  if (config === undefined) {
    throw new CliError(
      "failed",
      `Expected a Supabase project in "${folder}", found no ${CONFIG}; make one there with supabase init`,
    );
  }
  const files = projectFiles();
  const migrations = await namesIn(folder, MIGRATIONS_FOLDER);
  const foreign = migrations.filter((name) => !files.some(({ path }) => path.endsWith(`/${name}`)));
  const steps = [];
  for (const file of files) steps.push(await fileStep(folder, file, foreign));
  steps.push(configStep(config));
  const [first = ""] = files.map(({ path }) => path).filter(isMigration).sort();
  return {
    steps,
    hasLaterMigrations: foreign.some((name) => `${MIGRATIONS_FOLDER}/${name}` > first),
  };
}

async function fileStep(
  folder: string,
  { path, content }: ProjectFile,
  foreignMigrations: readonly string[],
): Promise<Step> {
  const twin = foreignMigrations.find((name) =>
    isMigration(path) && stampOf(name) === stampOf(path)
  );
  if (twin !== undefined) {
    return obstacle(
      path,
      `has the same time stamp as ${MIGRATIONS_FOLDER}/${twin}; give that one another`,
    );
  }
  try {
    const found = await contentOf(folder, path);
    if (found === undefined) return { path, action: "create", content };
    // Git on Windows gives text files other line ends.
    return found.replaceAll("\r\n", "\n") === content
      ? { path, action: "keep" }
      : obstacle(path, `differs; compare: countersign init --print ${path} | diff ${path} -`);
  } catch (error) {
    if (error instanceof CliError) return obstacle(path, error.message);
    throw error;
  }
}

function configStep(config: string): Step {
  const change = configChange(config);
  switch (change.kind) {
    case "none":
      return { path: CONFIG, action: "keep" };
    case "append":
      return { path: CONFIG, action: "append", content: change.text };
    case "obstacle":
      return obstacle(CONFIG, change.reason);
  }
}

function obstacle(path: string, reason: string): Step {
  return { path, action: "obstacle", reason };
}

function isMigration(path: string): boolean {
  return path.startsWith(`${MIGRATIONS_FOLDER}/`);
}

/** What `supabase db push` knows a migration by. */
function stampOf(path: string): string | undefined {
  return /(?:^|\/)(\d+)_[^/]*\.sql$/.exec(path)?.[1];
}

async function contentOf(folder: string, path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(join(folder, path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new CliError("failed", `Cannot read "${path}": ${reason(error)}`);
  }
}

async function namesIn(folder: string, path: string): Promise<string[]> {
  try {
    return await Array.fromAsync(Deno.readDir(join(folder, path)), ({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw new CliError("failed", `Cannot read "${path}": ${reason(error)}`);
  }
}
