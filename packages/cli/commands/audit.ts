import { auditLog, type AuditRow } from "@countersign/registry-admin";
import type { Command } from "commander";
import { integerOption } from "../options/input.ts";
import type { CliIo } from "../io.ts";
import { type OutputOptions, table, writeResult } from "../options/output.ts";
import { withoutUndefined } from "../options/without_undefined.ts";
import {
  addTargetOptions,
  registryTarget,
  type TargetOptions,
} from "../options/registry_target.ts";

interface AuditOptions extends TargetOptions, OutputOptions {
  readonly issuer?: string;
  readonly limit: string;
  readonly before?: string;
}

/** `countersign audit` */
export function addAudit(program: Command, io: CliIo): void {
  addTargetOptions(
    program.command("audit").description("Show who changed the registry, the latest change first"),
  )
    .option("--issuer <name>", "only changes of this issuer and its keys")
    .option("--limit <number>", "how many changes, 1 to 1000", "20")
    .option("--before <id>", "only changes older than this one, to go on reading")
    .option("--json", "print the changes, with the rows before and after, as JSON")
    .addHelpText(
      "after",
      `
Example:
  $ export SUPABASE_SERVICE_ROLE_KEY=…
  $ countersign audit --target https://prod-abc123.supabase.co --issuer billing
`,
    )
    .action(async (options: AuditOptions) => {
      const { issuer, before } = options;
      const query = withoutUndefined({
        issuer,
        limit: integerOption("--limit", options.limit),
        before: before === undefined ? undefined : integerOption("--before", before),
      });
      const changes = await auditLog(await registryTarget(options, io), query);
      writeResult(
        io,
        options,
        changes,
        changes.length === 0
          ? ["no changes"]
          : table(["ID", "AT", "ACTOR", "CHANGE", "ISSUER", "WHAT"], changes.map(row)),
      );
    });
}

function row({ id, at, actor, operation, table_name, issuer, before, after }: AuditRow): string[] {
  const changed = Object.keys(after ?? {}).filter((name) =>
    before !== null && name !== "updated_at" &&
    JSON.stringify(before[name]) !== JSON.stringify(after?.[name])
  );
  return [
    String(id),
    at,
    actor,
    `${operation.toLowerCase()} ${table_name}`,
    issuer ?? "",
    changed.map((name) => `${name}: ${brief(before?.[name])} → ${brief(after?.[name])}`).join("; "),
  ];
}

function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? "";
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
