import type { CliIo } from "../io.ts";
import { type OutputOptions, printable } from "./output.ts";

/** Says what is going on while nothing else is written, and takes it back. */
export interface Progress extends Disposable {
  show(text: string): void;
}

const ERASE_LINE = "\r\x1b[K";

/** Writes to a terminal only: one line on standard error, which each text replaces. */
export function progress(io: CliIo, { json }: OutputOptions): Progress {
  if (!io.terminal.stderr || json === true) return { show: () => {}, [Symbol.dispose]: () => {} };
  return {
    show: (text) => io.stderr(`${ERASE_LINE}${printable(text)}`),
    [Symbol.dispose]: () => io.stderr(ERASE_LINE),
  };
}
