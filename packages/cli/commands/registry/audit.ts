import { auditLog, type AuditRow } from "@countersign/registry-admin";
import type { Command } from "commander";
import type { CliIo } from "../../io.ts";
import { integerOption } from "../../options/input.ts";
import { table } from "../../options/output.ts";
import { registryCommand } from "../../options/registry_command.ts";
import { withoutUndefined } from "../../options/without_undefined.ts";

interface AuditOptions {
  readonly issuer?: string;
  readonly limit: string;
  readonly before?: string;
}

/** `countersign audit`. */
export function addAudit(program: Command, io: CliIo): void {
  registryCommand<AuditOptions>(program, io, {
    name: "audit",
    description: "Show who changed the registry, latest change first",
    options: (command) =>
      command
        .option("--issuer <name>", "only changes of this issuer and its keys")
        .option("--limit <number>", "how many changes, 1 to 1000", "20")
        .option("--before <id>", "only changes older than this one, to read on"),
    json: "the changes, with the rows before and after,",
    example: "countersign audit --target https://prod-abc123.supabase.co --issuer billing",
    run: async ({ issuer, limit, before }, open) => {
      const query = withoutUndefined({
        issuer,
        limit: integerOption("--limit", limit),
        before: before === undefined ? undefined : integerOption("--before", before),
      });
      const changes = await auditLog(await open(), query);
      return {
        json: changes,
        lines: changes.length === 0
          ? ["no changes"]
          : table(["ID", "AT", "ACTOR", "CHANGE", "ISSUER", "REASON", "WHAT"], changes.map(row)),
      };
    },
  });
}

function row(change: AuditRow): string[] {
  const { id, at, actor, operation, table_name, issuer, before, after, reason } = change;
  const changed = Object.keys(after ?? {}).filter((name) =>
    before !== null && name !== "updated_at" &&
    JSON.stringify(before[name]) !== JSON.stringify(after?.[name])
  );
  return [
    String(id),
    at,
    actor,
    [operation.toLowerCase(), table_name, ...ruleName(change)].join(" "),
    issuer ?? "",
    reason ?? "",
    changed.map((name) => `${name}: ${brief(before?.[name])} → ${brief(after?.[name])}`).join("; "),
  ];
}

/** Which of an issuer's rules it was. */
function ruleName({ table_name, before, after }: AuditRow): string[] {
  const name = (after ?? before)?.name;
  return table_name === "jwt_federation_rules" && typeof name === "string" ? [name] : [];
}

function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? "";
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
