/**
 * Every `*_bench.ts` of the packages, in several passes: parsing, verifying, policy and signing by algorithm, the
 * handler in the process.
 *
 * `deno run -A scripts/bench/micro.ts [--json FILE]`
 */
import { parseArgs } from "node:util";
import { publish, report, type Result, result } from "./results/report.ts";

/** One pass says nothing of how far another would be from it. */
const PASSES = 3;

interface DenoBench {
  readonly origin: string;
  readonly name: string;
  /** Nanoseconds, or how it failed. */
  readonly results: readonly { readonly ok?: { readonly avg: number } }[];
}

const { values: options } = parseArgs({ args: Deno.args, options: { json: { type: "string" } } });
const averages = new Map<string, number[]>();
for (let pass = 0; pass < PASSES; pass++) {
  for (const { origin, name, results } of await onePass()) {
    const average = results[0]?.ok?.avg;
    if (average === undefined) throw new Error(`Expected "${name}" of ${origin} to succeed`);
    const title = `${/packages\/(.+)_bench\.ts$/.exec(origin)?.[1]}: ${name}`;
    averages.set(title, [...averages.get(title) ?? [], average / 1_000]);
  }
}
const results: Result[] = [...averages].map(([name, samples]) =>
  result(name, "µs", "less", samples)
);
await publish(report("deno run -A scripts/bench/micro.ts", results), options.json);

async function onePass(): Promise<readonly DenoBench[]> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["bench", "-A", "--json", "packages"],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("deno bench failed");
  const { benches }: { benches: DenoBench[] } = JSON.parse(new TextDecoder().decode(stdout));
  return benches;
}
