/**
 * The main job in one command: a local target, two issuers, what they may do and what they may not.
 *
 * `deno task demo` cleans up after itself; `deno task demo --keep` stays up and prints how to try it
 * by hand.
 */
import { type LocalTarget, startLocalTarget } from "@countersign/local-target";
import { setPolicy } from "@countersign/registry-admin";
import { failure, heading, silence, step } from "./demo_report.ts";
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

/** @returns The exit code: 0 only if every step did what it says */
async function demo(keep: boolean): Promise<number> {
  const starting = Promise.withResolvers<LocalTarget>();
  const interrupted = untilInterrupted();
  try {
    return await Promise.race([run(keep, starting, interrupted), interrupted]);
  } finally {
    // Also a target that is still starting: it is stopped once it is up, unless it failed and
    // cleaned up by itself.
    const target = await starting.promise.catch(() => undefined);
    await target?.stop();
  }
}

/** Set once the target stays up only to be played with: then Ctrl-C is how the demo ends well. */
let keptUp = false;

/**
 * The exit code, once somebody wants the demo to end. What fails from then on fails because it is
 * being stopped.
 */
function untilInterrupted(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      console.log("\nStopping the target");
      silence();
      for (const event of ["error", "unhandledrejection"]) {
        addEventListener(event, (failure) => failure.preventDefault());
      }
      resolve(keptUp ? 0 : INTERRUPTED);
    });
  }
  return promise;
}

async function run(
  keep: boolean,
  starting: PromiseWithResolvers<LocalTarget>,
  interrupted: Promise<number>,
): Promise<number> {
  const started = performance.now();
  heading("Two services write to one Supabase project, and neither holds its service_role key");
  try {
    const target = await startTarget(starting);
    const services = await mainJob(target);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`\n  Every step did what it says, in ${seconds} s.`);
    if (keep) {
      await printHowToTry(target, services);
      keptUp = true;
      await interrupted;
    }
    return 0;
  } catch (error) {
    failure(error);
    return 1;
  }
}

async function startTarget(
  { promise, resolve, reject }: PromiseWithResolvers<LocalTarget>,
): Promise<LocalTarget> {
  await step("Start a local target", async () => {
    const options = {
      migrations: false,
      function: { entrypoint: ENTRYPOINT, importMap: IMPORT_MAP },
    };
    startLocalTarget(options).then(resolve, reject);
    const { url } = await promise;
    return [
      `Postgres 17, PostgREST 12, a gateway at ${url},`,
      "and functions/rest as a process of its own",
    ];
  });
  return await promise;
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

Deno.exit(await demo(flag === "--keep"));
