/** How far a long task is, on one line of a terminal; nothing where standard error is none. */
import process from "node:process";

const ERASE_LINE = "\r\x1b[K";
const EVERY_MS = 1_000;
const WIDTH = 78;

/** A line that is written again every second, and out of the way of everything else that is written. */
export class ProgressLine implements Disposable {
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  readonly #text: () => string;
  readonly #started = performance.now();

  /** @param text What to show at the moment, after the time that has passed. */
  constructor(text: () => string) {
    this.#text = text;
    if (process.stderr.isTTY === true) {
      this.#timer = setInterval(() => this.#show(), EVERY_MS);
    }
  }

  /** Writes something that stays, above the line. */
  above(write: () => void): void {
    this.#clear();
    write();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#clear();
  }

  #show(): void {
    const line = `${clock(performance.now() - this.#started)}  ${this.#text()}`;
    process.stderr.write(`${ERASE_LINE}${line.slice(0, WIDTH)}`);
  }

  #clear(): void {
    if (this.#timer !== undefined) process.stderr.write(ERASE_LINE);
  }
}

/** Minutes and seconds of so many milliseconds. */
export function clock(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
