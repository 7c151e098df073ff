import {
  type DatabaseTarget,
  disableGuard,
  enableGuard,
  type GuardStatus,
  guardStatus,
  openDatabase,
  rotateSealKey,
  type SqlTarget,
} from "@countersign/registry-admin";
import type { Command } from "commander";
import type { CliIo } from "../../io.ts";
import { DRY_RUN } from "../../options/change_options.ts";
import { durationOption } from "../../options/input.ts";
import { type OutputOptions, writeResult } from "../../options/output.ts";
import { databaseTarget, databaseUrlOption } from "../../options/registry_target.ts";

interface GuardOptions extends OutputOptions {
  readonly databaseUrl?: string;
  readonly chain?: string;
  readonly dryRun?: boolean;
}

interface RotateOptions extends OutputOptions {
  readonly databaseUrl?: string;
  readonly overlap: string;
  readonly dryRun?: boolean;
}

/** `countersign guard enable`, `disable`, `status` and `rotate-seal`. */
export function addGuard(program: Command, io: CliIo): void {
  const guard = program.command("guard")
    .description(
      "Check issuer and key again inside each request's transaction",
    );

  const add = (
    name: string,
    description: string,
    run: (target: DatabaseTarget | SqlTarget, options: GuardOptions) => Promise<GuardStatus>,
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
        const target = await databaseTarget(options, io);
        if (options.dryRun !== true) {
          const status = await run(target, options);
          return writeResult(io, options, { json: status, lines: describe(status) });
        }
        const [before, after] = [await guardStatus(target), await rolledBack(target, options, run)];
        writeResult(io, options, {
          json: { dryRun: true, before, after },
          lines: before.preRequest === after.preRequest && before.chained === after.chained
            ? ["would change nothing", ...describe(before)]
            : ["would change it to:", ...describe(after)],
        });
      });

  add(
    "enable",
    "Have PostgREST call the guard before every request",
    (target, { chain }) => enableGuard(target, chain === undefined ? {} : { chain }),
  )
    .option(
      "--chain <function>",
      "a pre-request function in PostgREST's own configuration, to call afterwards",
    )
    .option("--dry-run", DRY_RUN);
  add(
    "disable",
    "Restore the pre-request function that PostgREST had before",
    (target) => disableGuard(target),
  ).option("--dry-run", DRY_RUN);
  add("status", "Show whether the guard is on", (target) => guardStatus(target));

  guard.command("rotate-seal")
    .description("Make a new key for the seal by which the guard knows the proxy's tokens")
    .addOption(databaseUrlOption())
    .option("--overlap <duration>", "how long the old keys are accepted; 0 ends them at once", "1h")
    .option("--dry-run", DRY_RUN)
    .option("--json", "print the new key's id as JSON")
    .addHelpText(
      "after",
      `
The proxies read the new key by themselves. Give them time: the overlap has to be longer
than their COUNTERSIGN_MAX_STALENESS plus 30 seconds.

Example:
  $ export COUNTERSIGN_ADMIN_DB_URL=…
  $ countersign guard rotate-seal --overlap 10m
`,
    )
    .action(async (options: RotateOptions) => {
      const overlap = durationOption("--overlap", options.overlap);
      const target = await databaseTarget(options, io);
      if (options.dryRun === true) {
        await guardStatus(target);
        return writeResult(io, options, {
          json: { dryRun: true, overlap },
          lines: [`would make a new key, and accept the older ones for ${overlap} s`],
        });
      }
      const id = await rotateSealKey(target, { overlap });
      const until = overlap === 0
        ? "older keys are no longer accepted"
        : `older keys are accepted for ${options.overlap}`;
      writeResult(io, options, { json: { id, overlap }, lines: [`new key ${id}; ${until}`] });
    });
}

/** Does it in a transaction that is rolled back: PostgREST hears of it only when one commits. */
async function rolledBack(
  target: DatabaseTarget,
  options: GuardOptions,
  run: (target: SqlTarget, options: GuardOptions) => Promise<GuardStatus>,
): Promise<GuardStatus> {
  await using database = openDatabase(target);
  let status: GuardStatus | undefined;
  const undo = new Error("rolled back on purpose");
  await database.sql.begin(async (transaction) => {
    // A transaction is a client as well, except that it cannot be closed.
    const sql = transaction as unknown as SqlTarget["sql"];
    status = await run({ ...database, sql }, options);
    throw undo;
  }).catch((error) => {
    if (error !== undo) throw error;
  });
  if (status === undefined) throw new TypeError("Expected the guard to report its status");
  return status;
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
