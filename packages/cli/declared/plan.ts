import { planDeclaration } from "@countersign/registry-admin";
import type { Command } from "commander";
import { FILE_ARGUMENT, readDeclarationFile } from "./declaration_file.ts";
import { planJson, planLines } from "./plan_lines.ts";
import type { CliIo } from "../io.ts";
import { registryCommand } from "../options/registry_command.ts";
import { withoutUndefined } from "../options/without_undefined.ts";

interface PlanCommandOptions {
  readonly prune?: boolean;
}

/** `countersign plan`. */
export function addPlan(program: Command, io: CliIo): void {
  registryCommand<PlanCommandOptions>(program, io, {
    name: "plan",
    description: "Show what would change for the registry to be as a countersign.toml says",
    argument: FILE_ARGUMENT,
    options: (command) =>
      command.option("--prune", "also deactivate what is active and not in the file"),
    json: "the plan",
    notes:
      `Nothing is changed. Exit status: 0 nothing to change, 1 failure, 2 something would change.

"+" is added, "~" changed, "-" deactivated or revoked. "!" says why a change loosens the registry: a
token that is rejected today might be accepted afterwards. apply needs --allow-loosen for it.`,
    example: "countersign plan countersign.toml --target https://prod-abc123.supabase.co",
    run: async ({ prune }, open, file) => {
      const declaration = await readDeclarationFile(file, io);
      const plan = await planDeclaration(await open(), declaration, withoutUndefined({ prune }));
      return {
        json: planJson(plan),
        lines: planLines(plan),
        ...plan.changes.length > 0 ? { exitCode: 2 } : {},
      };
    },
  });
}
