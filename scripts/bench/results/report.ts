/** The form in which every benchmark writes its results, so that two runs can be compared. */
import { cpus } from "node:os";

/** One figure: the median of its samples, and the quartiles that say how far they spread. */
export interface Result {
  readonly name: string;
  readonly unit: string;
  readonly better: "less" | "more";
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface Report {
  readonly command: string;
  /** ISO 8601. */
  readonly at: string;
  readonly machine: { readonly cpu: string; readonly cores: number; readonly os: string };
  readonly versions: Readonly<Record<string, string>>;
  readonly results: readonly Result[];
}

/** @param samples At least one. */
export function result(
  name: string,
  unit: string,
  better: Result["better"],
  samples: readonly number[],
): Result {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (share: number) => significant(sorted[Math.floor((sorted.length - 1) * share)]!);
  return { name, unit, better, value: at(0.5), low: at(0.25), high: at(0.75) };
}

export function report(command: string, results: readonly Result[]): Report {
  return {
    command,
    at: new Date().toISOString(),
    machine: { cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length, os: Deno.build.target },
    versions: { deno: Deno.version.deno, postgres: "17", postgrest: "12.0.2" },
    results,
  };
}

/** Prints results as a table, and writes the report where a file is named. */
export async function publish(report: Report, file: string | undefined): Promise<void> {
  const { cpu, cores, os } = report.machine;
  console.log(`\n${report.command}`);
  console.log(`${cores} cores (${cpu}), ${os}, Deno ${report.versions.deno}`);
  for (const { name, unit, value, low, high } of report.results) {
    console.log(`  ${name.padEnd(64)}${String(value).padStart(10)} ${unit}  (${low} to ${high})`);
  }
  if (file !== undefined) await Deno.writeTextFile(file, `${JSON.stringify(report, null, 2)}\n`);
}

function significant(value: number): number {
  return Number(value.toPrecision(4));
}
