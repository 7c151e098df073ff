import { revokeKey } from "@countersign/registry-admin";
import type { Command } from "commander";
import type { CliIo } from "../../io.ts";
import { registryCommand } from "../../options/registry_command.ts";
import { hostOf } from "../../options/registry_target.ts";
import { resolveKid } from "../../options/resolve_kid.ts";

/** `countersign revoke`. */
export function addRevoke(program: Command, io: CliIo): void {
  registryCommand<{ kid: string }>(program, io, {
    name: "revoke",
    description: "Reject every token that one key signed",
    changes: true,
    options: (command) =>
      command.requiredOption("--kid <id>", "the key's ID, or the prefix that list shows"),
    json: "the key",
    notes: "The issuer's other keys keep working. To stop the whole issuer, deactivate it.",
    example: "countersign revoke --target https://prod-abc123.supabase.co --kid GtgYyqCVRCDt",
    run: async ({ kid }, open) => {
      const target = await open();
      const row = await revokeKey(target, await resolveKid(target, kid));
      return {
        json: row,
        lines: [`revoked key ${row.kid} of ${row.issuer} on ${hostOf(target)}`],
      };
    },
  });
}
