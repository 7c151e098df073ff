/**
 * The way of a user who has a Supabase project and no checkout of this repository: `supabase init`, `countersign init`, and
 * the commands that it says are left. The Supabase CLI is the real one; the platform and JSR are on loopback.
 */
import { startLocalTarget } from "@countersign/local-target";
import { schemaDifferences } from "@countersign/registry-admin";
import assert from "node:assert/strict";
import { join } from "node:path";
import config from "../../../../packages/cli/deno.json" with { type: "json" };
import { deno214, type Host, openStage, spawnServer } from "@countersign/fixture/stage";
import { SCENARIOS } from "../scenarios/all_scenarios.ts";
import { deployFunction } from "./deploy_function.ts";
import { publishToLoopback } from "./loopback_jsr.ts";
import { supabase } from "./supabase_cli.ts";

const COUNTERSIGN = new URL("../../../../packages/cli/main.ts", import.meta.url).href;

/** Makes a project as its owner would, and says which commands are left. */
async function newProject(): Promise<{ folder: string; next: string[] } & AsyncDisposable> {
  const folder = await Deno.makeTempDir();
  await supabase(folder, ["init"]);
  const { next } = JSON.parse(
    await run(folder, Deno.execPath(), "run", "-A", COUNTERSIGN, "init", "--json"),
  );
  return {
    folder,
    next,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

async function run(cwd: string, command: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, cwd, stdin: "null" })
    .output();
  const text = new TextDecoder();
  assert(success, `${command} ${args.join(" ")}: ${text.decode(stderr)}${text.decode(stdout)}`);
  return text.decode(stdout);
}

Deno.test("a project of supabase init and countersign init, deployed and on Deno 2.1.4 with the published packages", async (t) => {
  await using project = await newProject();
  assert.equal(project.next.at(-1), "supabase functions deploy rest");
  await using cleanup = new AsyncDisposableStack();
  const temporary = async () => {
    const folder = await Deno.makeTempDir();
    cleanup.defer(() => Deno.remove(folder, { recursive: true }));
    return folder;
  };
  const uploaded = await temporary();
  const { settings } = await deployFunction(project.folder, uploaded);
  assert.deepEqual(settings, {
    name: "rest",
    entrypoint_path: "supabase/functions/rest/index.ts",
    import_map_path: "supabase/functions/rest/deno.json",
    static_patterns: [],
    verify_jwt: false,
  });

  const jsr = cleanup.use(await publishToLoopback(["verifier", "postgres", "swap-proxy"]));
  // A cache of its own: another run may have served other files under the same names.
  const cache = await temporary();
  const host: Host = {
    name: "a user's own project",
    start: async (env) =>
      await spawnServer(
        await deno214(),
        [
          ...["run", "-A", "--no-lock", "--no-config"],
          ...["--import-map", "supabase/functions/rest/deno.json"],
          "supabase/functions/rest/index.ts",
        ],
        // Deno 2.1.4 asks the machine's own authorities only when it is told to, later versions always.
        { ...env, JSR_URL: jsr.url, DENO_DIR: cache, DENO_TLS_CA_STORE: "mozilla,system" },
        uploaded,
      ),
  };
  await using stage = await openStage(host);
  assert.deepEqual(
    [...jsr.served].sort(),
    ["postgres", "swap-proxy", "verifier"].map((name) => `@countersign/${name}@${config.version}`),
  );
  for (const { name, run } of SCENARIOS) await t.step(name, () => run(stage));
});

for (
  const [what, stamp] of [["nothing", undefined], ["a later migration", "20990101000000"]] as const
) {
  Deno.test(`the migrations of countersign init, pushed by the Supabase CLI after ${what}`, async () => {
    await using project = await newProject();
    await using target = await startLocalTarget({ function: false, migrations: false });
    const push = async (command: string) => {
      const [, , , , ...flags] = command.split(" ");
      const to = [`--remote=${target.databaseUrl}`, "--yes"];
      return await supabase(project.folder, ["db", "push", ...to, ...flags]);
    };
    if (stamp !== undefined) {
      // As if it had been there, and pushed, before ours.
      const migrations = join(project.folder, "supabase/migrations");
      const elsewhere = join(project.folder, "elsewhere");
      await Deno.rename(migrations, elsewhere);
      await Deno.mkdir(migrations);
      await Deno.writeTextFile(join(migrations, `${stamp}_mine.sql`), "create table mine (a int);");
      await push("supabase db push --remote");
      for await (const { name } of Deno.readDir(elsewhere)) {
        await Deno.rename(join(elsewhere, name), join(migrations, name));
      }
      await assert.rejects(push("supabase db push --remote"), /--include-all/);
    }
    const { next: [command = ""] } = JSON.parse(
      await run(project.folder, Deno.execPath(), "run", "-A", COUNTERSIGN, "init", "--json"),
    );
    assert.match(command, /^supabase db push --remote/);
    await push(command);
    assert.deepEqual(await schemaDifferences({ databaseUrl: target.databaseUrl }), []);
  });
}
