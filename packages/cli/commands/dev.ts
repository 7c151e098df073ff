import {
  type LocalTarget,
  type LocalTargetOptions,
  startLocalTarget,
} from "@countersign/local-target";
import type { Command } from "commander";
import { numberFrom } from "../options/input.ts";
import type { CliIo } from "../io.ts";
import { type OutputOptions, writeResult } from "../options/output.ts";
import { progress } from "../options/progress.ts";

interface DevOptions extends OutputOptions {
  readonly port?: string;
}

/** `countersign dev`. */
export function addDev(program: Command, io: CliIo): void {
  program.command("dev")
    .description(
      "Run a target on this machine until Ctrl-C: Postgres, PostgREST, gateway, and function",
    )
    .option("--port <number>", "the gateway's port (default: a free one)")
    .option("--json", "print the URLs and keys as JSON")
    .addHelpText(
      "after",
      `
Prints the variables to export and keeps running. Every start is a new target; stopping it deletes
everything.

Example:
  $ countersign dev --port 54321
`,
    )
    .action(async (options: DevOptions) => {
      const { port } = options;
      const control = new AbortController();
      const settings = {
        ...(port !== undefined && { port: numberFrom("--port", port, 0, 65_535) }),
        signal: control.signal,
      };
      const interrupted = io.interrupted();
      interrupted.then(() => control.abort());
      await using target = await started(settings, io, options);
      const variables = environment(target);
      writeResult(io, options, {
        json: variables,
        lines: [
          ...Object.entries(variables).map(([name, value]) => `export ${name}='${value}'`),
          `# issuers write to ${target.functionsUrl}; Ctrl-C stops it`,
        ],
      });
      await interrupted;
    });
}

async function started(
  settings: LocalTargetOptions,
  io: CliIo,
  options: OutputOptions,
): Promise<LocalTarget> {
  using shown = progress(io, options);
  shown.show("starting Postgres, PostgREST and the function …");
  return await startLocalTarget(settings);
}

/** What our own commands, the function, and an issuer read. */
function environment(target: LocalTarget): Record<string, string> {
  return {
    SUPABASE_URL: target.url,
    SUPABASE_ANON_KEY: target.anonKey,
    SUPABASE_PUBLISHABLE_KEY: target.publishableKey,
    SUPABASE_SERVICE_ROLE_KEY: target.serviceRoleKey,
    COUNTERSIGN_ADMIN_DB_URL: target.databaseUrl,
    COUNTERSIGN_JWT_SECRET: target.jwtSecret,
  };
}
