import { RegistryError } from "@countersign/registry-admin";
import type { Command } from "commander";
import type { Finding } from "../doctor/finding.ts";
import { CHECKS } from "../doctor/all_checks.ts";
import { examine, type Target } from "../doctor/target.ts";
import { accessTo, type DoctorOptions } from "../doctor/access.ts";
import { CliError } from "../errors.ts";
import type { CliIo } from "../io.ts";
import { type OutputOptions, writeResult } from "../options/output.ts";
import { addTargetOptions } from "../options/registry_target.ts";

/** `countersign doctor`. */
export function addDoctor(program: Command, io: CliIo): void {
  addTargetOptions(
    program.command("doctor")
      .description(
        "Diagnose a target with whatever access you provide",
      ),
  )
    .option(
      "--apikey <key>",
      "a publishable or anon key (or SUPABASE_PUBLISHABLE_KEY, SUPABASE_ANON_KEY)",
    )
    .option("--json", "print every finding as JSON")
    .addHelpText(
      "after",
      `
Changes nothing. The URL alone shows the function from outside; a service key adds issuers and
keys; a database URL adds everything else. Exit status 1 if there is a problem. Warnings and checks
that could not run are not problems.

Example:
  $ export SUPABASE_URL=https://prod-abc123.supabase.co SUPABASE_PUBLISHABLE_KEY=…
  $ export COUNTERSIGN_ADMIN_DB_URL=…
  $ countersign doctor
`,
    )
    .action(async (options: DoctorOptions & OutputOptions) => {
      const access = await accessTo(options, io);
      await using _closed = "why" in access.database ? null : access.database;
      const findings = await run(examine(access, io));
      const count = (outcome: Finding["outcome"]) =>
        findings.filter((finding) => finding.outcome === outcome).length;
      const counts = {
        problems: count("problem"),
        warnings: count("warning"),
        notChecked: count("not checked"),
      };
      writeResult(io, options, {
        json: { target: access.url, ...counts, findings },
        lines: [
          ...findings.flatMap(lines),
          `problems: ${counts.problems}, warnings: ${counts.warnings}, not checked: ${counts.notChecked}`,
        ],
      });
      // Everything was reported; only the exit status is missing.
      if (counts.problems > 0) throw new CliError("refused", "");
    });
}

interface NamedFinding extends Finding {
  readonly check: string;
}

async function run(target: Target): Promise<NamedFinding[]> {
  const all: NamedFinding[] = [];
  for (const { name, run } of CHECKS) {
    const findings = await run(target).catch((error): readonly Finding[] => {
      if (!(error instanceof RegistryError)) throw error;
      return [{ outcome: "not checked", message: error.message }];
    });
    all.push(...findings.map((finding) => ({ check: name, ...finding })));
  }
  return all;
}

function lines({ check, outcome, message, fix }: NamedFinding): string[] {
  const line = `${outcome.padEnd(11)}  ${check.padEnd(10)}  ${message}`;
  return fix === undefined ? [line] : [line, `${" ".repeat(25)}fix: ${fix}`];
}
