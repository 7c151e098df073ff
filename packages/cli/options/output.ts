import type { CliIo } from "../io.ts";
import { camelCased } from "../output/camel_case.ts";

/** What every command accepts. */
export interface OutputOptions {
  readonly json?: boolean;
}

/**
 * Text that is safe to put on a terminal. Names in a registry and members of a token can hold escape sequences, or
 * marks that turn the direction of writing, and then show something that is not there.
 */
export function printable(text: string): string {
  return text.replace(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** What a command did, for programs and for people. */
export interface Result {
  readonly json: unknown;
  readonly lines: readonly string[];
  /** Whether the names in `json` are a file's own, and not ours to spell. Default: `false`. */
  readonly isVerbatim?: boolean;
  /** Whether the lines are colored, and so safe for a terminal already. Default: `false`. */
  readonly isPainted?: boolean;
  /** Default: 0. */
  readonly exitCode?: 1 | 2;
}

/** Writes the result: as one line of JSON, or as lines for a person. */
export function writeResult(
  io: CliIo,
  options: OutputOptions,
  { json, lines, isPainted = false, isVerbatim = false }: Result,
): void {
  if (options.json === true) io.stdout(`${JSON.stringify(isVerbatim ? json : camelCased(json))}\n`);
  else if (lines.length > 0) {
    io.stdout(`${lines.map((line) => isPainted ? line : printable(line)).join("\n")}\n`);
  }
}

/** Reports a result that was probably not intended. */
export function writeWarning(io: CliIo, { json }: OutputOptions, message: string): void {
  io.stderr(
    json === true
      ? `${JSON.stringify({ warning: message })}\n`
      : `warning: ${printable(message)}\n`,
  );
}

/** Lines up rows under their headings. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const safe = [headings, ...rows].map((row) => row.map(printable));
  const widths = headings.map((_, column) =>
    Math.max(...safe.map((row) => (row[column] ?? "").length))
  );
  return safe.map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd()
  );
}
