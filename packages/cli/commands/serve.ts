import type { Command } from "commander";
import { CliError, usage } from "../errors.ts";
import { numberFrom } from "../options/input.ts";
import type { CliIo } from "../io.ts";
import { type OutputOptions, writeResult } from "../options/output.ts";
import { withoutUndefined } from "../options/without_undefined.ts";
import { openProxyServer } from "../serve/proxy_server.ts";
import { openProxyWorkers } from "../serve/serve_workers.ts";

const MOST_WORKERS = 64;

interface ServeOptions extends OutputOptions {
  readonly hostname: string;
  readonly port?: string;
  readonly workers: string;
}

/** `countersign serve`. */
export function addServe(program: Command, io: CliIo): void {
  program.command("serve")
    .description("Run the swap proxy on its own, configured by the same variables as the function")
    .option("--hostname <name>", "the address to listen on; 0.0.0.0 for all", "127.0.0.1")
    .option("--port <number>", "the port (or PORT; default: 8000)")
    .option("--workers <number>", "the number of threads, at most one per core", "1")
    .option("--json", "print the URL as JSON")
    .addHelpText(
      "after",
      `
More than one worker requires Linux, which distributes connections among threads, and Deno's flag
--unstable-net. Each worker opens one or two connections to Postgres. The command exits with status
1 if a worker fails.

Example:
  $ export SUPABASE_URL=… SUPABASE_ANON_KEY=… COUNTERSIGN_DB_URL=… COUNTERSIGN_JWT_SECRET=…
  $ countersign serve --port 8000
`,
    )
    .action(async (options: ServeOptions) => {
      const { hostname } = options;
      const port = numberFrom("--port", options.port ?? (io.env.PORT || "8000"), 0, 65_535);
      const workers = numberFrom("--workers", options.workers, 1, MOST_WORKERS);
      if (workers > 1) requireSharedPorts();
      const interrupted = io.interrupted();
      const env = withoutUndefined(io.env);
      await using server = workers === 1
        ? await openProxyServer(env, { hostname, port })
        : await openProxyWorkers(workers, env, { hostname, port });
      const url = `http://${hostname}:${server.port}`;
      writeResult(io, options, { json: { url, workers }, lines: [`listening on ${url}`] });
      const lost = server.ended.then(() => true);
      if (await Promise.race([interrupted, lost]) === true) {
        throw new CliError("failed", "The proxy stopped unexpectedly; start it again");
      }
    });
}

/** Deno would end the process if it could not share a port. */
function requireSharedPorts(): void {
  if (Deno.build.os !== "linux") {
    usage("Expected --workers to be 1: more than one requires Linux");
  }
  // The flag can't be asked for; this function is there exactly when it was given.
  if (!("listenDatagram" in Deno)) {
    usage(
      "Expected Deno's flag --unstable-net for more than one worker: deno run -A --unstable-net jsr:@countersign/cli serve …",
    );
  }
}
