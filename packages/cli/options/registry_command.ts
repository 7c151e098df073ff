import type { PlannedRow, RegistryTarget } from "@countersign/registry-admin";
import type { Command } from "commander";
import type { CliIo } from "../io.ts";
import { ExitStatus } from "../errors.ts";
import { type ChangeFlags, DRY_RUN, planned } from "./change_options.ts";
import { type OutputOptions, type Result, writeResult } from "./output.ts";
import { addTargetOptions, registryTarget, type TargetOptions } from "./registry_target.ts";
import { withoutUndefined } from "./without_undefined.ts";

/** A subcommand that reads or changes a registry. */
export interface RegistryCommand<Options> {
  readonly name: string;
  readonly description: string;
  /** A value that stands for itself. */
  readonly argument?: { readonly name: string; readonly description: string };
  /**
   * Whether it changes the registry row by row, and so takes `--reason` and `--dry-run`; `reason` for one that takes
   * only the first. Default: `false`.
   */
  readonly changes?: boolean | "reason";
  /** Adds the options of its own. */
  readonly options?: (command: Command) => Command;
  /** What `--json` prints. */
  readonly json: string;
  /** Paragraphs below the options. */
  readonly notes?: string;
  /** A command line, without the variables that it needs. */
  readonly example: string;
  /** `open` reads which registry is meant: after the options were checked. */
  readonly run: (
    options: Options & TargetOptions & OutputOptions,
    open: () => Promise<RegistryTarget>,
    argument: string,
  ) => Promise<Result>;
}

/** Adds a subcommand with the options, the example and the output that all of them share. */
export function registryCommand<Options>(
  parent: Command,
  io: CliIo,
  spec: RegistryCommand<Options>,
): void {
  const { name, description, argument, changes = false, options, json, notes, example } = spec;
  const command = addTargetOptions(parent.command(name).description(description));
  if (argument !== undefined) command.argument(`<${argument.name}>`, argument.description);
  options?.(command);
  if (changes !== false) command.option("--reason <text>", "why, for the audit log");
  if (changes === true) command.option("--dry-run", DRY_RUN);
  command
    .option("--json", `print ${json} as JSON`)
    .addHelpText(
      "after",
      `
${notes === undefined ? "" : `${notes}\n\n`}Example:
  $ export SUPABASE_SERVICE_ROLE_KEY=…
  $ ${example}
`,
    )
    .action(async (...values: unknown[]) => {
      const given = command.opts<Options & TargetOptions & OutputOptions & ChangeFlags>();
      const value = argument === undefined ? "" : String(values[0]);
      const result = await resultOf(given, spec, value, io);
      writeResult(io, given, result);
      if (result.exitCode !== undefined) throw new ExitStatus(result.exitCode);
    });
}

async function resultOf<Options>(
  given: Options & TargetOptions & OutputOptions & ChangeFlags,
  { run, changes }: RegistryCommand<Options>,
  argument: string,
  io: CliIo,
): Promise<Result> {
  const isDry = changes === true && given.dryRun === true;
  const rows: PlannedRow[] = [];
  let opened: RegistryTarget | undefined;
  const open = async () => {
    opened = {
      ...await registryTarget(given, io),
      ...withoutUndefined({ reason: given.reason }),
      ...(isDry && { dryRun: (row: PlannedRow) => void rows.push(row) }),
    };
    return opened;
  };
  const result = await run(given, open, argument);
  return isDry && opened !== undefined ? await planned(rows, opened) : result;
}
