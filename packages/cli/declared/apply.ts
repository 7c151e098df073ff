import {
  applyDeclaration,
  type Declaration,
  planDeclaration,
  planMigration,
  type RegistryTarget,
} from "@countersign/registry-admin";
import type { Command } from "commander";
import { FILE_ARGUMENT, readDeclarationFile } from "./declaration_file.ts";
import { planJson, planLines } from "./plan_lines.ts";
import { usage } from "../errors.ts";
import type { CliIo } from "../io.ts";
import type { Result } from "../options/output.ts";
import { registryCommand } from "../options/registry_command.ts";
import { withoutUndefined } from "../options/without_undefined.ts";

interface ApplyCommandOptions {
  readonly prune?: boolean;
  readonly allowLoosen?: boolean;
  readonly expectVersion?: string;
  readonly sql?: boolean;
  readonly dryRun?: boolean;
}

/** `countersign apply`. */
export function addApply(program: Command, io: CliIo): void {
  registryCommand<ApplyCommandOptions>(program, io, {
    name: "apply",
    description: "Make the registry what a countersign.toml says, all of it or nothing",
    argument: FILE_ARGUMENT,
    changes: "reason",
    options: (command) =>
      command
        .option("--allow-loosen", "allow changes that plan marks with !")
        .option("--prune", "also deactivate what is active and not in the file")
        .option("--expect-version <version>", "the registry version that plan showed")
        .option("--sql", "print a migration instead, and change nothing")
        .option("--dry-run", "show the plan, without changing anything"),
    json: "what was changed, or the migration,",
    notes:
      `Nothing is ever deleted. If the registry has changed since the plan that --expect-version names,
nothing is applied.`,
    example: "countersign apply countersign.toml --target https://prod-abc123.supabase.co",
    run: async (options, open, file) => {
      if (options.sql === true && options.expectVersion !== undefined) {
        usage("Expected --expect-version or --sql, found both: a migration runs later");
      }
      const declaration = await readDeclarationFile(file, io);
      if (options.dryRun === true) {
        const { prune } = options;
        const plan = await planDeclaration(await open(), declaration, withoutUndefined({ prune }));
        return { json: { dryRun: true, plan: planJson(plan) }, lines: planLines(plan) };
      }
      const run = options.sql === true ? migrationOf : applied;
      return await run(await open(), declaration, options);
    },
  });
}

async function applied(
  target: RegistryTarget,
  declaration: Declaration,
  { prune, allowLoosen: allowLoosening, expectVersion: expectedVersion }: ApplyCommandOptions,
): Promise<Result> {
  const { plan, version } = await applyDeclaration(
    target,
    declaration,
    withoutUndefined({ prune, allowLoosening, expectedVersion }),
  );
  const done = plan.changes.length === 0 ? [] : [`Applied. Registry version: ${version}`];
  return {
    json: { plan: planJson(plan), version },
    lines: [...planLines(plan), ...done],
  };
}

async function migrationOf(
  target: RegistryTarget,
  declaration: Declaration,
  { prune, allowLoosen: allowLoosening }: ApplyCommandOptions,
): Promise<Result> {
  const plan = await planDeclaration(target, declaration, withoutUndefined({ prune }));
  const sql = planMigration(plan, withoutUndefined({ allowLoosening }));
  return {
    json: { sql, plan: planJson(plan) },
    lines: sql === "" ? [] : sql.trimEnd().split("\n"),
  };
}
