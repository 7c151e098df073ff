import { type IssuerSummary, listIssuers, type RegisteredKey } from "@countersign/registry-admin";
import type { Command } from "commander";
import type { CliIo } from "../../io.ts";
import { table } from "../../options/output.ts";
import { registryCommand } from "../../options/registry_command.ts";
import { hostOf } from "../../options/registry_target.ts";

/** Enough of a key's ID to tell keys apart, and to name one to `revoke`. */
const SHORT_KID = 12;

/** `countersign list`. */
export function addList(program: Command, io: CliIo): void {
  registryCommand(program, io, {
    name: "list",
    description: "List the issuers of a target and their keys",
    json: "every issuer with its policy and its keys",
    example: "countersign list --target https://prod-abc123.supabase.co",
    run: async (_, open) => {
      const target = await open();
      const issuers = await listIssuers(target, { now: io.now });
      return {
        json: issuers,
        lines: issuers.length === 0
          ? [`no issuers on ${hostOf(target)} yet; see countersign register --help`]
          : table(
            ["ISSUER", "KEY", "ALGORITHM", "STATE", "ROLES", "CHANGED"],
            issuers.flatMap(rows),
          ),
      };
    },
  });
}

function rows({ issuer, isActive, policy, keys, updatedAt }: IssuerSummary): string[][] {
  const roles = policy.roles.length === 0
    ? "none"
    : policy.roles.map((role) => policy.refusedRoles.includes(role) ? `${role} (refused)` : role)
      .join(", ");
  if (keys.length === 0) {
    return [[issuer, "none", "", isActive ? "" : "deactivated", roles, minute(updatedAt)]];
  }
  return keys.map((key) => [
    issuer,
    key.kid.slice(0, SHORT_KID),
    key.algorithm,
    isActive ? stateOf(key) : `deactivated (${stateOf(key)})`,
    roles,
    minute(key.updated_at > updatedAt ? key.updated_at : updatedAt),
  ]);
}

function stateOf({ state, not_before, not_after }: RegisteredKey): string {
  if (state === "standby" && not_before !== null) return `standby until ${minute(not_before)}`;
  return state === "current" && not_after !== null ? `current until ${minute(not_after)}` : state;
}

function minute(instant: string): string {
  return `${instant.slice(0, 16).replace("T", " ")}Z`;
}
