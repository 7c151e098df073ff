import type { CliIo } from "../io.ts";
import { type OutputOptions, printable } from "./output.ts";

/** Says what is going on while nothing else is written, and takes it back. */
export interface Progress extends Disposable {
  show(text: string): void;
  /** Takes it back, before something else is written. */
  clear(): void;
}

/** A longer line would wrap, and could not be erased. */
const WIDTH = 78;
const ERASE_LINE = "\r\x1b[K";

/** Writes to a terminal only: one line on standard error, which each text replaces. */
export function progress(io: CliIo, { json }: OutputOptions): Progress {
  const isShown = io.terminal.stderr && json !== true;
  let written = false;
  const clear = () => {
    if (written) io.stderr(ERASE_LINE);
    written = false;
  };
  return {
    show: (text) => {
      if (!isShown) return;
      io.stderr(`${ERASE_LINE}${printable(text).slice(0, WIDTH)}`);
      written = true;
    },
    clear,
    [Symbol.dispose]: clear,
  };
}
