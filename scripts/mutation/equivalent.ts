/** Mutants that change nothing that anybody could notice, and why. */
import type { Mutant } from "./instrument.ts";

interface Equivalent {
  readonly file: string;
  /** The line, without the white space around it. */
  readonly line: string;
  readonly original: string;
  readonly replacement: string;
  readonly why: string;
}

const EQUIVALENT: readonly Equivalent[] = JSON.parse(
  Deno.readTextFileSync(new URL("equivalent.json", import.meta.url)),
);

/** Whether a mutant is in the list. A line that has changed since has to be judged again. */
export function isEquivalent({ file, original, replacement }: Mutant, line: string): boolean {
  return EQUIVALENT.some((known) =>
    known.file === file && known.line === line && known.original === original &&
    known.replacement === replacement
  );
}
