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

/** `countersign init` */
export function addInit(program: Command, io: CliIo): void {
  program.command("init")
    .description("Put the migrations, the function and its configuration into a Supabase project")
    .option("--dir <folder>", "the project: the folder that holds supabase/", ".")
    .option("--dry-run", "say what would be written, and write nothing")
    .option("--print <file>", "print what would be written to a file, to compare it with")
    .option("--json", "print what was written, and the commands that are left, as JSON")
    .addHelpText(
      "after",
      `
Nothing that is there is overwritten: where a file differs, nothing at all is written, and the exit
code is 1. Run again it changes nothing. ${CONFIG} gets a section at its end and
stays as it is otherwise.

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
      writeResult(
        io,
        options,
        { written: writes, files: plan.steps.map(summary), next },
        describe(plan, writes, next),
      );
      if (obstacles.length > 0) {
        throw new CliError(
          "failed",
          `Expected nothing in the way, found ${obstacles.length}; nothing was written`,
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
  // As it is, unlike a result: the migrations hold no characters that a terminal could mistake.
  if (options.json === true) writeResult(io, options, file, []);
  else io.stdout(file.content);
}

/** The commands that only the project's owner can run. */
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
  keep: ["as it is", "as it is"],
  create: ["would create", "created"],
  append: ["would add to", "added to"],
  obstacle: ["in the way", "in the way"],
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
    "What is left, in a project that supabase link knows:",
    "",
    ...next.map((command) => `  ${command}`),
    "",
    ...(plan.hasLaterMigrations
      ? ["--include-all: the project has migrations with later time stamps than these."]
      : []),
    "Before version 3 of the Supabase CLI, leave --remote out.",
    `Write ${SECRETS} yourself, and keep it out of version control:`,
    "",
    "  COUNTERSIGN_JWT_SECRET=…  the project's legacy JWT secret; or COUNTERSIGN_SIGNING_JWK",
    "  COUNTERSIGN_DB_URL=…      optional: a database user who can do less than postgres",
  ];
}
