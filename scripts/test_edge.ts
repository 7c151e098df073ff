/**
 * Runs the proxy's unit tests on Deno 2.1.4, the level of Supabase's Edge Runtime: `deno task test:edge`.
 *
 * That release reads neither this workspace's lockfile nor its types, so it gets an import map and checks no types;
 * `deno task check` does. Suites that start a target are left out: on that release the function itself is held to
 * the scenarios in `functions/rest/tests/scenarios`.
 *
 * Arguments are handed to `deno test`.
 */
import { deno214 } from "@countersign/fixture/stage";
import { allPackages } from "./rules/packages.ts";
import { specifiersIn } from "./rules/specifiers.ts";
import { trackedFiles } from "./rules/tracked_files.ts";

const TARGET = "@countersign/local-target";
/** Each runs programs of its own on the Deno that it is run by. */
const root = new URL("../", import.meta.url);

const imports: Record<string, string> = {};
for (const { folder, config } of allPackages) {
  const exports = typeof config.exports === "object" ? config.exports : { ".": config.exports };
  for (const [name, file] of Object.entries(exports)) {
    imports[config.name + name.slice(1)] = new URL(`${folder}/${file}`, root).href;
  }
  Object.assign(imports, config.imports);
}

const tests = (await trackedFiles()).filter((file) =>
  /^packages\/swap-proxy\/.*_test\.ts$/.test(file) && !specifiersIn(file).includes(TARGET)
);

const map = await Deno.makeTempFile({ suffix: ".json" });
try {
  await Deno.writeTextFile(map, JSON.stringify({ imports }));
  const { code } = await new Deno.Command(await deno214(), {
    args: [
      "test",
      "-A",
      "--no-check",
      "--no-config",
      "--no-lock",
      `--import-map=${map}`,
      ...tests,
      ...Deno.args,
    ],
    stdin: "null",
  }).spawn().status;
  Deno.exitCode = code;
} finally {
  await Deno.remove(map);
}
