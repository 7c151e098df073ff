/**
 * The command `countersign`: `deno run -A jsr:@countersign/cli --help`.
 *
 * It puts Countersign into a Supabase project and says what is wrong with one, makes keys, registers and revokes them,
 * says why a token is refused, and runs a target or the proxy on your machine.
 *
 * @module
 */
import { denoIo } from "./io.ts";
import { runCli } from "./run.ts";

if (import.meta.main) Deno.exit(await runCli(Deno.args, denoIo()));
