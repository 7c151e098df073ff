/**
 * Every benchmark, one after the other, in one report.
 *
 * `deno task bench [--only micro,proxy] [--json FILE] [--svg FOLDER]`; the folder gets a chart of each.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ProgressLine } from "../progress/progress_line.ts";
import { chart } from "./results/chart.ts";
import { type Report, report, type Result } from "./results/report.ts";

const SCRIPTS = {
  micro: "scripts/bench/micro.ts",
  proxy: "scripts/bench/proxy.ts",
  profile: "scripts/bench/profile.ts",
  "end-to-end": "scripts/bench/end_to_end.ts",
  exchange: "scripts/bench/exchange/main.ts",
  federation: "scripts/bench/federation/main.ts",
  gateway: "scripts/bench/gateway/main.ts",
  workers: "scripts/bench/serve_workers.ts",
  registry: "scripts/bench/registry.ts",
  guard: "scripts/bench/guard.ts",
};

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    only: { type: "string", default: Object.keys(SCRIPTS).join() },
    json: { type: "string" },
    svg: { type: "string" },
  },
});
const wanted = options.only.split(",");
const all = new Map<string, string>(Object.entries(SCRIPTS));
const unknown = wanted.find((name) => !all.has(name));
if (unknown !== undefined) {
  console.error(`Option "--only" is not valid, expected some of ${[...all.keys()].join()}`);
  Deno.exit(2);
}

const results: Result[] = [];
{
  let now = "";
  using line = new ProgressLine(() => `${wanted.indexOf(now) + 1} of ${wanted.length}: ${now}`);
  for (const [name, script] of all) {
    if (!wanted.includes(name)) continue;
    now = name;
    const figures = await run(script, line);
    results.push(...figures.map((figure) => ({ ...figure, name: `${name}: ${figure.name}` })));
    if (options.svg !== undefined) await draw(options.svg, name, figures);
  }
}
if (options.json !== undefined) {
  const command = `deno task bench --only ${wanted.join()}`;
  await Deno.writeTextFile(
    options.json,
    `${JSON.stringify(report(command, results), null, 2)}\n`,
  );
}

async function draw(folder: string, name: string, figures: readonly Result[]): Promise<void> {
  const { machine: { cpu, cores, os }, versions } = report("", figures);
  await Deno.mkdir(folder, { recursive: true });
  const title = `${name}: ${cores} cores (${cpu}), ${os}, Deno ${versions["deno"]}`;
  await Deno.writeTextFile(join(folder, `${name}.svg`), chart(title, figures));
}

async function run(script: string, line: ProgressLine): Promise<readonly Result[]> {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", script, "--json", file],
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    for await (const chunk of child.stdout) line.above(() => Deno.stdout.writeSync(chunk));
    const { success } = await child.status;
    if (!success) throw new Error(`${script} failed`);
    const report: Report = JSON.parse(await Deno.readTextFile(file));
    return report.results;
  } finally {
    await Deno.remove(file);
  }
}
