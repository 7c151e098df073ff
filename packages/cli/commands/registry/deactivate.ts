import { deactivateIssuer } from "@countersign/registry-admin";
import type { Command } from "commander";
import type { CliIo } from "../../io.ts";
import { registryCommand } from "../../options/registry_command.ts";
import { hostOf } from "../../options/registry_target.ts";

/** `countersign deactivate`. */
export function addDeactivate(program: Command, io: CliIo): void {
  registryCommand<{ issuer: string }>(program, io, {
    name: "deactivate",
    description: "Reject every token of an issuer from now on",
    changes: true,
    options: (command) => command.requiredOption("--issuer <name>", "the issuer's name"),
    json: "what was done",
    notes: `Keeps the issuer's keys and policy; "countersign activate" restores it.`,
    example: "countersign deactivate --target https://prod-abc123.supabase.co --issuer billing",
    run: async ({ issuer }, open) => {
      const target = await open();
      await deactivateIssuer(target, issuer);
      return {
        json: { issuer, isActive: false },
        lines: [`deactivated ${issuer} on ${hostOf(target)}: every token of it is rejected`],
      };
    },
  });
}
