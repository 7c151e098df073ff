import type { RegistryTarget } from "@countersign/registry-admin";
import type { Command } from "commander";
import type { CliIo } from "../io.ts";
import { ExitStatus } from "../errors.ts";
import { type OutputOptions, type Result, writeResult } from "./output.ts";
import { addTargetOptions, registryTarget, type TargetOptions } from "./registry_target.ts";

/** A subcommand that reads or changes a registry. */
export interface RegistryCommand<Options> {
  readonly name: string;
  readonly description: string;
  /** A value that stands for itself. */
  readonly argument?: { readonly name: string; readonly description: string };
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
  { name, description, argument, options, json, notes, example, run }: RegistryCommand<Options>,
): void {
  const command = addTargetOptions(parent.command(name).description(description));
  if (argument !== undefined) command.argument(`<${argument.name}>`, argument.description);
  (options?.(command) ?? command)
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
      const given = command.opts<Options & TargetOptions & OutputOptions>();
      const value = argument === undefined ? "" : String(values[0]);
      const result = await run(given, () => registryTarget(given, io), value);
      writeResult(io, given, result);
      if (result.exitCode !== undefined) throw new ExitStatus(result.exitCode);
    });
}
