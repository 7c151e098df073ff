/**
 * What the demo shows a person: a line for each step, with the time it took, and what was found.
 */

/** A step did not do what it says. */
export class DemoFailure extends Error {
  override readonly name = "DemoFailure";
}

// No colour where nobody sees it, or where somebody asked for none (https://no-color.org).
const coloured = Deno.stdout.isTerminal() && !Deno.noColor;
const paint = (code: number) => (text: string) => coloured ? `\x1b[${code}m${text}\x1b[0m` : text;
const [bold, red, green, grey] = [1, 31, 32, 90].map(paint) as [Paint, Paint, Paint, Paint];
type Paint = (text: string) => string;

const WIDTH = 80;

let silent = false;

/** Nothing more is shown: what fails from now on is not news. */
export function silence(): void {
  silent = true;
}

export function heading(text: string): void {
  console.log(`\n${bold(text)}\n`);
}

/** Runs a step and prints its title, its time, and the lines that it returns. */
export async function step(title: string, work: () => Promise<readonly string[]>): Promise<void> {
  const started = performance.now();
  let mark = red("✗");
  let lines: readonly string[] = [];
  try {
    lines = await work();
    mark = green("✓");
  } finally {
    if (!silent) {
      const seconds = `${((performance.now() - started) / 1000).toFixed(2)} s`;
      console.log(`  ${mark} ${title.padEnd(WIDTH - seconds.length)} ${grey(seconds)}`);
      for (const line of lines) console.log(`      ${line}`);
    }
  }
}

/** Lines of a table, its columns aligned. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row.map((cell, i) => cell.padEnd(widths?.[i] ?? 0)).join("   ").trimEnd()
  );
}

export function failure(error: unknown): void {
  if (silent) return;
  const text = error instanceof DemoFailure ? error.message : Deno.inspect(error);
  console.error(`\n${red("The demo failed.")} ${text}`);
}
