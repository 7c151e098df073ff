import {
  type DatabaseTarget,
  disableGuard,
  enableGuard,
  type GuardStatus,
  guardStatus,
} from "@countersign/registry-admin";
import type { Command } from "commander";
import type { CliIo } from "../io.ts";
import { type OutputOptions, writeResult } from "../options/output.ts";
import { databaseTarget, databaseUrlOption } from "../options/registry_target.ts";

interface GuardOptions extends OutputOptions {
  readonly databaseUrl?: string;
  readonly chain?: string;
}

/** `countersign guard enable`, `disable` and `status`. */
export function addGuard(program: Command, io: CliIo): void {
  const guard = program.command("guard")
    .description(
      "Check issuer and key again inside each request's transaction",
    );

  const add = (
    name: string,
    description: string,
    run: (target: DatabaseTarget, options: GuardOptions) => Promise<GuardStatus>,
  ): Command =>
    guard.command(name)
      .description(description)
      .addOption(databaseUrlOption())
      .option("--json", "print the status as JSON")
      .addHelpText(
        "after",
        `
Example:
  $ export COUNTERSIGN_ADMIN_DB_URL=…
  $ countersign guard ${name}
`,
      )
      .action(async (options: GuardOptions) => {
        const status = await run(await databaseTarget(options, io), options);
        writeResult(io, options, { json: status, lines: describe(status) });
      });

  add(
    "enable",
    "Have PostgREST call the guard before every request",
    (target, { chain }) => enableGuard(target, chain === undefined ? {} : { chain }),
  )
    .option(
      "--chain <function>",
      "a pre-request function in PostgREST's own configuration, to call afterwards",
    );
  add(
    "disable",
    "Restore the pre-request function that PostgREST had before",
    (target) => disableGuard(target),
  );
  add("status", "Show whether the guard is on", (target) => guardStatus(target));
}

function describe({ enabled, preRequest, chained, enabledAt, usedTokens }: GuardStatus): string[] {
  if (!enabled) {
    return [`guard off; PostgREST calls ${preRequest ?? "no function"} before a request`];
  }
  return [
    `guard on${enabledAt === null ? "" : ` since ${enabledAt}`}`,
    `calls afterwards  ${chained ?? "nothing"}`,
    `used tokens kept  ${usedTokens}`,
  ];
}
