import { type Command, Option } from "commander";
import { accessTo, type DoctorOptions } from "../doctor/access.ts";
import { CHECKS } from "../doctor/all_checks.ts";
import { attemptCheck, type AttemptOptions, METHODS } from "../doctor/attempt_check.ts";
import type { Finding } from "../doctor/finding.ts";
import { type NamedFinding, runChecks } from "../doctor/run_checks.ts";
import { examine } from "../doctor/target.ts";
import { CliError, usage } from "../errors.ts";
import type { CliIo } from "../io.ts";
import { type Color, painter } from "../options/color.ts";
import { jsonObject } from "../options/input.ts";
import { type OutputOptions, printable, writeResult } from "../options/output.ts";
import { progress } from "../options/progress.ts";
import { addTargetOptions } from "../options/registry_target.ts";

const CLOSE_TIMEOUT_MS = 1_000;

interface DoctorCommandOptions extends DoctorOptions, OutputOptions {
  readonly issuer?: string;
  readonly table?: string;
  readonly method: AttemptOptions["method"];
  readonly body?: string;
  readonly subject: string;
}

/** `countersign doctor`. */
export function addDoctor(program: Command, io: CliIo): void {
  addTargetOptions(
    program.command("doctor")
      .description("Diagnose a target with whatever access you provide"),
  )
    .option(
      "--apikey <key>",
      "a publishable or anon key (or SUPABASE_PUBLISHABLE_KEY, SUPABASE_ANON_KEY)",
    )
    .option(
      "--function-url <url>",
      "where the function answers (default: <target>/functions/v1/rest)",
    )
    .option("--issuer <name>", "also list what this issuer's roles may do")
    .option("--table <name>", "also try a request of the issuer to this table, and roll it back")
    .addOption(
      new Option("--method <method>", "the request to try").choices(METHODS).default("POST"),
    )
    .option("--body <json>", "the row to try it with")
    .option("--subject <sub>", "the token's sub to try it with", "doctor")
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
  $ countersign doctor --issuer billing --table notes --body '{"text": "hello"}'
`,
    )
    .action((options: DoctorCommandOptions) => diagnose(options, io));
}

async function diagnose(options: DoctorCommandOptions, io: CliIo): Promise<void> {
  const attempt = attemptOf(options);
  const checks = attempt === undefined ? CHECKS : [...CHECKS, attemptCheck(attempt)];
  const access = await accessTo(options, io);
  using shown = progress(io, options);
  const paint = painter(io, "stdout");
  const write = (findings: readonly NamedFinding[]) => {
    shown.clear();
    for (const finding of findings) {
      for (const line of lines(finding, paint)) io.stdout(`${line}\n`);
    }
  };
  const findings = await runChecks(checks, examine(access, io), {
    found: options.json === true ? () => {} : write,
    waiting: (names) => shown.show(`checking ${names.join(", ")} …`),
  }).finally(() => "why" in access.database ? undefined : closed(access.database));
  shown.clear();
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
      `problems: ${counts.problems}, warnings: ${counts.warnings}, not checked: ${counts.notChecked}`,
    ],
  });
  // Everything was reported; only the exit status is missing.
  if (counts.problems > 0) throw new CliError("refused", "");
}

/** A database that never answered is not waited for: the process ends anyway. */
async function closed(database: AsyncDisposable): Promise<void> {
  const closing = database[Symbol.asyncDispose]();
  await Promise.race([closing, new Promise((resolve) => setTimeout(resolve, CLOSE_TIMEOUT_MS))]);
}

function attemptOf(options: DoctorCommandOptions): AttemptOptions | undefined {
  const { issuer, table, method, subject } = options;
  if (issuer === undefined) {
    if (table !== undefined) usage("Expected --issuer with --table: whose request is to be tried");
    return undefined;
  }
  const body = options.body === undefined ? {} : jsonObject("--body", options.body);
  if (table !== undefined && method === "PATCH" && Object.keys(body).length === 0) {
    usage("Expected --body with --method PATCH: the columns to change");
  }
  return { issuer, table, method, body, subject };
}

const COLORS: Readonly<Record<Finding["outcome"], Color>> = {
  ok: "green",
  warning: "yellow",
  problem: "red",
  "not checked": "dim",
};

function lines(
  { check, outcome, message, fix }: NamedFinding,
  paint: ReturnType<typeof painter>,
): string[] {
  const line = `${paint(COLORS[outcome], outcome.padEnd(11))}  ${check.padEnd(10)}  ${
    printable(message)
  }`;
  return fix === undefined ? [line] : [line, `${" ".repeat(25)}fix: ${printable(fix)}`];
}
