import { activateIssuer, activateKey } from "@countersign/registry-admin";
import type { Command } from "commander";
import { usage } from "../errors.ts";
import type { CliIo } from "../io.ts";
import { type OutputOptions, writeResult } from "../options/output.ts";
import {
  addTargetOptions,
  hostOf,
  registryTarget,
  type TargetOptions,
} from "../options/registry_target.ts";
import { resolveKid } from "../options/resolve_kid.ts";

interface ActivateOptions extends TargetOptions, OutputOptions {
  readonly issuer?: string;
  readonly kid?: string;
}

/** `countersign activate` */
export function addActivate(program: Command, io: CliIo): void {
  addTargetOptions(
    program.command("activate").description("Bring back a deactivated issuer, or a revoked key"),
  )
    .option("--issuer <name>", "the issuer's name; its revoked keys stay revoked")
    .option("--kid <id>", "the key's id, or the beginning that list shows")
    .option("--json", "print what was done as JSON")
    .addHelpText(
      "after",
      `
Example:
  $ export SUPABASE_SERVICE_ROLE_KEY=…
  $ countersign activate --target https://prod-abc123.supabase.co --issuer billing
`,
    )
    .action(async (options: ActivateOptions) => {
      const { issuer, kid } = options;
      if ((issuer === undefined) === (kid === undefined)) usage("Expected --issuer or --kid");
      const target = await registryTarget(options, io);
      if (issuer !== undefined) {
        await activateIssuer(target, issuer);
        writeResult(io, options, { issuer, isActive: true }, [
          `activated ${issuer} on ${hostOf(target)}`,
        ]);
      } else if (kid !== undefined) {
        const row = await activateKey(target, await resolveKid(target, kid));
        writeResult(io, options, row, [
          `activated key ${row.kid} of ${row.issuer} on ${hostOf(target)}`,
        ]);
      }
    });
}
