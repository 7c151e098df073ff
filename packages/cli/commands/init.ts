import type { Command } from "commander";
import { CliError, usage } from "../errors.ts";
import type { CliIo } from "../io.ts";
import { type OutputOptions, writeResult } from "../options/output.ts";
import { FUNCTION_FOLDER, projectFiles } from "../project/files.ts";
import { CONFIG, type Plan, planProject, type Step } from "../project/plan.ts";
import { writeProject } from "../project/write.ts";

interface InitOptions extends OutputOptions {
  readonly dir: string;
  readonly dryRun?: boolean;
  readonly print?: string;
}

/** Beside the function, where the `.gitignore` of `supabase init` keeps it out of the repository. */
const SECRETS = `${FUNCTION_FOLDER}/.env.local`;

/** `countersign init`. */
export function addInit(program: Command, io: CliIo): void {
  program.command("init")
    .description("Add the migrations, the function, and its configuration to a Supabase project")
    .option("--dir <folder>", "the project: the folder that contains supabase/", ".")
    .option("--dry-run", "show what would be written, without writing")
    .option("--print <file>", "print the content of one file, to compare")
    .option("--json", "print what was written, and the remaining commands, as JSON")
    .addHelpText(
      "after",
      `
Never overwrites a file: if one differs, nothing is written and the exit status is 1. Running it
again changes nothing. It appends one section to ${CONFIG} and leaves the rest unchanged.

Example:
  $ supabase init
  $ countersign init
`,
    )
    .action(async (options: InitOptions) => {
      if (options.print !== undefined) return printFile(options.print, options, io);
      const plan = await planProject(options.dir);
      const obstacles = plan.steps.filter(({ action }) => action === "obstacle");
      const writes = options.dryRun !== true && obstacles.length === 0;
      if (writes) await writeProject(options.dir, plan);
      const next = obstacles.length === 0 ? remaining(plan) : [];
      writeResult(io, options, {
        json: { written: writes, files: plan.steps.map(summary), next },
        lines: describe(plan, writes, next),
      });
      if (obstacles.length > 0) {
        throw new CliError(
          "failed",
          `Cannot write: ${obstacles.length} of the files differ from what init writes; nothing was written`,
        );
      }
    });
}

function printFile(path: string, options: OutputOptions, io: CliIo): void {
  const files = projectFiles();
  const file = files.find((file) => file.path === path);
  if (file === undefined) {
    usage("Expected --print to name a file that init writes; --dry-run lists them");
  }
  // Unescaped, unlike a result: the migrations contain no control characters.
  if (options.json === true) writeResult(io, options, { json: file, lines: [] });
  else io.stdout(file.content);
}

/** The commands that are left to the project's owner. */
function remaining({ hasLaterMigrations }: Plan): string[] {
  return [
    `supabase db push --remote${hasLaterMigrations ? " --include-all" : ""}`,
    `supabase secrets set --env-file ${SECRETS}`,
    "supabase functions deploy rest",
  ];
}

function summary(step: Step): Record<string, string> {
  const { path, action } = step;
  return step.action === "obstacle" ? { path, action, reason: step.reason } : { path, action };
}

const WORDS = {
  keep: ["unchanged", "unchanged"],
  create: ["would create", "created"],
  append: ["would add to", "added to"],
  obstacle: ["differs", "differs"],
} as const;

function describe(plan: Plan, written: boolean, next: readonly string[]): string[] {
  const lines = plan.steps.map((step) => {
    const line = `${WORDS[step.action][written ? 1 : 0].padEnd(12)}  ${step.path}`;
    return step.action === "obstacle" ? `${line} ${step.reason}` : line;
  });
  if (next.length === 0) return lines;
  return [
    ...lines,
    "",
    "Next, in a project that supabase link knows:",
    "",
    ...next.map((command) => `  ${command}`),
    "",
    ...(plan.hasLaterMigrations
      ? ["--include-all: the project has migrations with later timestamps than these."]
      : []),
    "Omit --remote before version 3 of the Supabase CLI.",
    `Write ${SECRETS} yourself and keep it out of version control:`,
    "",
    "  COUNTERSIGN_JWT_SECRET=…  the project's legacy JWT secret; or COUNTERSIGN_SIGNING_JWK",
    "  COUNTERSIGN_DB_URL=…      optional: a database user with fewer privileges than postgres",
  ];
}
