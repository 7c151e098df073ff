import { activateIssuer, activateKey } from "@countersign/registry-admin";
import type { Command } from "commander";
import { usage } from "../../errors.ts";
import type { CliIo } from "../../io.ts";
import { registryCommand } from "../../options/registry_command.ts";
import { hostOf } from "../../options/registry_target.ts";
import { resolveKid } from "../../options/resolve_kid.ts";

/** `countersign activate`. */
export function addActivate(program: Command, io: CliIo): void {
  registryCommand<{ issuer?: string; kid?: string }>(program, io, {
    name: "activate",
    description: "Reactivate a deactivated issuer or a revoked key",
    changes: true,
    options: (command) =>
      command
        .option("--issuer <name>", "the issuer's name; its revoked keys stay revoked")
        .option("--kid <id>", "the key's ID, or the prefix that list shows"),
    json: "what was done",
    example: "countersign activate --target https://prod-abc123.supabase.co --issuer billing",
    run: async ({ issuer, kid }, open) => {
      if ((issuer === undefined) === (kid === undefined)) {
        usage("Expected either --issuer or --kid");
      }
      const target = await open();
      if (issuer !== undefined) {
        await activateIssuer(target, issuer);
        return {
          json: { issuer, isActive: true },
          lines: [`activated ${issuer} on ${hostOf(target)}`],
        };
      }
      const row = await activateKey(target, await resolveKid(target, kid ?? ""));
      return {
        json: row,
        lines: [`activated key ${row.kid} of ${row.issuer} on ${hostOf(target)}`],
      };
    },
  });
}
