/**
 * What moved between two runs of `deno task bench`.
 *
 * `deno task bench:compare BEFORE.json AFTER.json`
 */
import { parseArgs } from "node:util";
import type { Report, Result } from "./report.ts";

/** A smaller change is none, however little the samples spread. */
const LEAST = 0.05;
/** The same for a figure of one sample, whose spread nobody knows. */
const LEAST_OF_ONE = 0.2;

export interface Move {
  readonly name: string;
  readonly unit: string;
  readonly before: number;
  readonly after: number;
  readonly verdict: "better" | "worse";
}

export interface Comparison {
  /** The largest change first. */
  readonly moved: readonly Move[];
  /** Names whose quartiles overlap, or that changed too little to mean anything. */
  readonly still: readonly string[];
  readonly gone: readonly string[];
  readonly added: readonly string[];
}

/** Tells what moved from what is within the spread of either run. */
export function compare(before: readonly Result[], after: readonly Result[]): Comparison {
  const earlier = new Map(before.map((result) => [result.name, result]));
  const moved: Move[] = [];
  const still: string[] = [];
  const added: string[] = [];
  for (const now of after) {
    const then = earlier.get(now.name);
    earlier.delete(now.name);
    if (then === undefined) added.push(now.name);
    else if (overlap(then, now) || change(then.value, now.value) < least(then, now)) {
      still.push(now.name);
    } else {
      const isMore = now.value > then.value;
      const verdict = isMore === (now.better === "more") ? "better" : "worse";
      const { name, unit } = now;
      moved.push({ name, unit, before: then.value, after: now.value, verdict });
    }
  }
  moved.sort((a, b) => change(b.before, b.after) - change(a.before, a.after));
  return { moved, still, gone: [...earlier.keys()], added };
}

function overlap(a: Result, b: Result): boolean {
  return a.low <= b.high && b.low <= a.high;
}

function least(a: Result, b: Result): number {
  return a.low === a.high || b.low === b.high ? LEAST_OF_ONE : LEAST;
}

function change(before: number, after: number): number {
  return Math.abs(after - before) / Math.max(Math.abs(before), Number.EPSILON);
}

if (import.meta.main) {
  const { positionals } = parseArgs({ args: Deno.args, allowPositionals: true });
  const [before, after, ...more] = positionals;
  if (before === undefined || after === undefined || more.length > 0) {
    console.error("Expected two files: deno task bench:compare BEFORE.json AFTER.json");
    Deno.exit(2);
  }
  print(await read(before), await read(after));
}

async function read(file: string): Promise<Report> {
  const report: unknown = JSON.parse(await Deno.readTextFile(file));
  if (isReport(report)) return report;
  console.error(`Expected "${file}" to be a report of "deno task bench --json FILE"`);
  Deno.exit(2);
}

function isReport(value: unknown): value is Report {
  return typeof value === "object" && value !== null && "results" in value &&
    Array.isArray(value.results) && "machine" in value && "versions" in value;
}

function print(before: Report, after: Report): void {
  for (const what of ["machine", "versions"] as const) {
    const [then, now] = [JSON.stringify(before[what]), JSON.stringify(after[what])];
    if (then !== now) console.log(`Not the same ${what}: ${then} and ${now}`);
  }
  const { moved, still, gone, added } = compare(before.results, after.results);
  for (const { name, unit, before, after, verdict } of moved) {
    const percent = ((after / before - 1) * 100).toFixed(0);
    const sign = after > before ? "+" : "";
    console.log(`${verdict.padEnd(7)}${sign}${percent} %  ${before} → ${after} ${unit}  ${name}`);
  }
  for (const name of gone) console.log(`gone   ${name}`);
  for (const name of added) console.log(`new    ${name}`);
  console.log(`${moved.length} moved, ${still.length} did not`);
}
