/**
 * Changes one thing of the product at a time and asks whether a unit test notices: `deno task test:mutation`.
 *
 * Arguments: names of targets (default: all), and `--only TEXT` for the files whose path contains it.
 *
 * Cannot see: a fault that is more than one small change, and what only a real PostgREST or another runtime judges.
 */
import { allPackages } from "../rules/packages.ts";
import { trackedFiles } from "../rules/tracked_files.ts";
import { isEquivalent } from "./equivalent.ts";
import { instrument, type Mutant } from "./instrument.ts";
import { MutantRuns } from "./mutant_runs.ts";
import { type MutationTarget, TARGETS } from "./targets.ts";

const root = new URL("../../", import.meta.url);
const only = Deno.args.includes("--only") ? Deno.args[Deno.args.indexOf("--only") + 1] ?? "" : "";
const names = Deno.args.filter((arg, at) =>
  !arg.startsWith("--") && Deno.args[at - 1] !== "--only"
);

async function judge(target: MutationTarget): Promise<boolean> {
  const files = await trackedFiles();
  const folder = await Deno.makeTempDir({ prefix: "mutation-" });
  try {
    const imports: Record<string, string> = importsOfPackages();
    const mutants: Mutant[] = [];
    for (const file of files.filter((file) => target.isMutated(file) && file.includes(only))) {
      const original = new URL(file, root);
      const resolve = (specifier: string) =>
        specifier.startsWith(".") ? new URL(specifier, original).href : specifier;
      const source = Deno.readTextFileSync(original);
      const instrumented = instrument(file, source, mutants.length, resolve);
      mutants.push(...instrumented.mutants);
      const copy = `${folder}/${file.replaceAll("/", "__")}`;
      Deno.writeTextFileSync(copy, instrumented.source);
      imports[original.href] = new URL(copy, "file:///").href;
    }
    Deno.writeTextFileSync(`${folder}/map.json`, JSON.stringify({ imports }));

    const tests = files.filter(target.isTest).map((file) => new URL(file, root).href);
    const survivors = await new MutantRuns(folder, tests, mutants, progress).survivors();
    const lines = new Map(files.map((file) => [file, Deno.readTextFileSync(file).split("\n")]));
    const lineOf = ({ file, line }: Mutant) => lines.get(file)?.[line - 1]?.trim() ?? "";
    const equivalent = survivors.filter((mutant) => isEquivalent(mutant, lineOf(mutant)));
    const alive = survivors.filter((mutant) => !equivalent.includes(mutant));
    for (const mutant of alive) {
      console.log(
        `${mutant.file}:${mutant.line}: ${oneLine(mutant.original)} -> ${
          oneLine(mutant.replacement)
        }`,
      );
    }
    const judged = mutants.length - equivalent.length;
    const score = 100 * (judged - alive.length) / judged;
    console.log(
      `${target.name}: ${
        score.toFixed(1)
      } % of ${judged} mutants died, ${alive.length} survived, ${equivalent.length} are equivalent; at least ${target.least} %`,
    );
    return score >= target.least;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function importsOfPackages(): Record<string, string> {
  const imports: Record<string, string> = {
    ...JSON.parse(Deno.readTextFileSync("deno.json")).imports,
  };
  for (const { folder, config } of allPackages) {
    const exports = typeof config.exports === "object" ? config.exports : { ".": config.exports };
    for (const [name, file] of Object.entries(exports)) {
      imports[config.name + name.slice(1)] = new URL(`${folder}/${file}`, root).href;
    }
    Object.assign(imports, config.imports);
  }
  return imports;
}

function progress(done: number, of: number): void {
  const isTerminal = Deno.stderr.isTerminal();
  if (!isTerminal && done % 100 !== 0) return;
  const line = `${isTerminal ? "\r" : ""}${done} of ${of} mutants ${isTerminal ? "" : "\n"}`;
  Deno.stderr.writeSync(new TextEncoder().encode(line));
}

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, " ");
  return line === "" ? "(nothing)" : line.length > 90 ? `${line.slice(0, 90)}…` : line;
}

let passed = true;
for (const target of TARGETS) {
  if (names.length === 0 || names.includes(target.name)) passed = await judge(target) && passed;
}
Deno.exit(passed ? 0 : 1);
