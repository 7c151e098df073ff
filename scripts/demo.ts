/**
 * The main job in one command: a local target, two issuers, what they may do and what they may not.
 *
 * `deno task demo` cleans up after itself; `deno task demo --keep` stays up and prints how to try it by hand.
 */
import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import { setPolicy } from "@countersign/registry-admin";
import { failure, heading, step } from "./demo_report.ts";
import { type DemoServices, mainJob } from "./demo_steps.ts";

const ENTRYPOINT = new URL("../functions/rest/index.ts", import.meta.url);
const IMPORT_MAP = new URL("../functions/rest/deno.json", import.meta.url);
const DAY_S = 86_400;
const INTERRUPTED = 130;

const [flag, ...more] = Deno.args;
if (more.length > 0 || (flag !== undefined && flag !== "--keep")) {
  console.error("Usage: deno task demo [--keep]");
  Deno.exit(2);
}
Deno.exit(await demo(flag === "--keep"));

/** @returns The exit code: 0 only if every step did what it says */
async function demo(keep: boolean): Promise<number> {
  const interrupted = Promise.withResolvers<number>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => interrupted.resolve(INTERRUPTED));
  }
  // Stops the target however this ends. An interruption while it still starts is cleaned up by the target's own
  // watcher, once this process is gone.
  await using cleanup = new AsyncDisposableStack();
  const code = await Promise.race([run(cleanup, keep, interrupted.promise), interrupted.promise]);
  if (code === INTERRUPTED) console.log("\nInterrupted: stopping the target");
  return code;
}

async function run(
  cleanup: AsyncDisposableStack,
  keep: boolean,
  interrupted: Promise<number>,
): Promise<number> {
  const started = performance.now();
  heading("Two services write to one Supabase project, and neither holds its service_role key");
  try {
    const target = cleanup.use(await startTarget());
    const services = await mainJob(target);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`\n  Every step did what it says, in ${seconds} s.`);
    if (!keep) return 0;
    await printHowToTry(target, services);
    return await interrupted.then(() => 0);
  } catch (error) {
    failure(error);
    return 1;
  }
}

async function startTarget(): Promise<LocalTarget> {
  const ready = Promise.withResolvers<LocalTarget>();
  await step("Start a local target", async () => {
    const target = await startLocalTarget({
      migrations: false,
      function: { entrypoint: ENTRYPOINT, importMap: IMPORT_MAP },
    });
    ready.resolve(target);
    return [
      `Postgres 17, PostgREST 12, a gateway at ${target.url},`,
      "and functions/rest as a process of its own",
    ];
  });
  return await ready.promise;
}

/** Lines for a shell, and for supabase-js, with a token that lasts long enough to play with. */
async function printHowToTry(target: LocalTarget, { warehouse }: DemoServices): Promise<void> {
  const { url, functionsUrl, databaseUrl, publishableKey } = target;
  await setPolicy({ databaseUrl }, warehouse.name, { maxTokenLifetime: DAY_S });
  const token = await warehouse.token(url, { expiresIn: `${DAY_S}s` });
  console.log(`
  The target stays up until Ctrl-C. To write as "${warehouse.name}", in another terminal:

export FUNCTIONS_URL='${functionsUrl}'
export PUBLISHABLE_KEY='${publishableKey}'
export DATABASE_URL='${databaseUrl}'
export TOKEN='${token}'

curl "$FUNCTIONS_URL/rest/v1/widgets" -H "Authorization: Bearer $TOKEN"
curl "$FUNCTIONS_URL/rest/v1/widgets" -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" -d '{"name":"by hand"}'

  With supabase-js:

import { createClient } from "@supabase/supabase-js";
import { env } from "node:process";
const client = createClient(env.FUNCTIONS_URL, env.PUBLISHABLE_KEY, { accessToken: async () => env.TOKEN });
console.log(await client.from("widgets").select());
`);
}
