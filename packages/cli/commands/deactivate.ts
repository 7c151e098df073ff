import { deactivateIssuer } from "@countersign/registry-admin";
import type { Command } from "commander";
import type { CliIo } from "../io.ts";
import { type OutputOptions, writeResult } from "../options/output.ts";
import {
  addTargetOptions,
  hostOf,
  registryTarget,
  type TargetOptions,
} from "../options/registry_target.ts";

interface DeactivateOptions extends TargetOptions, OutputOptions {
  readonly issuer: string;
}

/** `countersign deactivate` */
export function addDeactivate(program: Command, io: CliIo): void {
  addTargetOptions(
    program.command("deactivate").description("Refuse every token of an issuer from now on"),
  )
    .requiredOption("--issuer <name>", "the issuer's name")
    .option("--json", "print what was done as JSON")
    .addHelpText(
      "after",
      `
Its keys and its policy stay as they are; "countersign activate" brings it back.

Example:
  $ export SUPABASE_SERVICE_ROLE_KEY=…
  $ countersign deactivate --target https://prod-abc123.supabase.co --issuer billing
`,
    )
    .action(async (options: DeactivateOptions) => {
      const { issuer } = options;
      const target = await registryTarget(options, io);
      await deactivateIssuer(target, issuer);
      writeResult(io, options, { issuer, isActive: false }, [
        `deactivated ${issuer} on ${hostOf(target)}: every token of it is refused`,
      ]);
    });
}
