import { parseArgs } from "node:util";

export interface BenchOptions {
  readonly rounds: number;
  /** Where to write the report. */
  readonly json: string | undefined;
}

/** Reads `--rounds N` and `--json FILE`. */
export function benchOptions(rounds: number): BenchOptions {
  const { values } = parseArgs({
    args: Deno.args,
    options: { rounds: { type: "string", default: `${rounds}` }, json: { type: "string" } },
  });
  const given = Number(values.rounds);
  if (!Number.isSafeInteger(given) || given < 1) {
    console.error('Option "--rounds" is not valid, expected a whole number from 1 on');
    Deno.exit(2);
  }
  return { rounds: given, json: values.json };
}
