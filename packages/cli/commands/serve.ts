import { createJwtSwapProxy, proxyOptionsFromEnv } from "@countersign/swap-proxy";
import type { Command } from "commander";
import { integerOption } from "../input.ts";
import type { CliIo } from "../io.ts";
import { type OutputOptions, writeResult } from "../output.ts";

interface ServeOptions extends OutputOptions {
  readonly hostname: string;
  readonly port?: string;
}

/** `countersign serve` */
export function addServe(program: Command, io: CliIo): void {
  program.command("serve")
    .description("Run the swap proxy by itself, configured by the environment as the function is")
    .option("--hostname <name>", "where to listen; 0.0.0.0 for everyone", "127.0.0.1")
    .option("--port <number>", "the port (or PORT; default 8000)")
    .option("--json", "print where it listens as JSON")
    .addHelpText(
      "after",
      `
Example:
  $ export SUPABASE_URL=… SUPABASE_ANON_KEY=… COUNTERSIGN_DB_URL=… COUNTERSIGN_JWT_SECRET=…
  $ countersign serve --port 8000
`,
    )
    .action(async (options: ServeOptions) => {
      const { hostname } = options;
      const port = integerOption("--port", options.port ?? (io.env.PORT || "8000"));
      const interrupted = io.interrupted();
      const configuration = proxyOptionsFromEnv(definedOf(io.env));
      try {
        const handler = createJwtSwapProxy(configuration);
        await using server = Deno.serve({ hostname, port, onListen: () => {} }, handler);
        const url = `http://${hostname}:${server.addr.port}`;
        writeResult(io, options, { url }, [`listening on ${url}`]);
        await interrupted;
      } finally {
        await configuration.close();
      }
    });
}

function definedOf(env: CliIo["env"]): Record<string, string> {
  const defined: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (value !== undefined) defined[name] = value;
  return defined;
}
