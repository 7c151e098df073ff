/**
 * The command `countersign`: `deno run -A jsr:@countersign/cli --help`.
 *
 * Adds Countersign to a Supabase project and diagnoses one, generates, registers, and revokes keys, explains why a
 * token is rejected, and runs a target or the proxy on your machine.
 *
 * @module
 */
import process from "node:process";
import { processIo } from "./io.ts";
import { runCli } from "./run.ts";

if (import.meta.main) process.exit(await runCli(process.argv.slice(2), processIo()));
