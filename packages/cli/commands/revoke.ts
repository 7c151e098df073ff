import { revokeKey } from "@countersign/registry-admin";
import type { Command } from "commander";
import type { CliIo } from "../io.ts";
import { type OutputOptions, writeResult } from "../options/output.ts";
import {
  addTargetOptions,
  hostOf,
  registryTarget,
  type TargetOptions,
} from "../options/registry_target.ts";
import { resolveKid } from "../options/resolve_kid.ts";

interface RevokeOptions extends TargetOptions, OutputOptions {
  readonly kid: string;
}

/** `countersign revoke` */
export function addRevoke(program: Command, io: CliIo): void {
  addTargetOptions(
    program.command("revoke").description("Refuse every token that one key signed"),
  )
    .requiredOption("--kid <id>", "the key's id, or the beginning that list shows")
    .option("--json", "print the row as JSON")
    .addHelpText(
      "after",
      `
The issuer's other keys keep working. To stop the issuer as a whole, deactivate it.

Example:
  $ export SUPABASE_SERVICE_ROLE_KEY=…
  $ countersign revoke --target https://prod-abc123.supabase.co --kid GtgYyqCVRCDt
`,
    )
    .action(async (options: RevokeOptions) => {
      const target = await registryTarget(options, io);
      const row = await revokeKey(target, await resolveKid(target, options.kid));
      writeResult(io, options, row, [
        `revoked key ${row.kid} of ${row.issuer} on ${hostOf(target)}`,
      ]);
    });
}
