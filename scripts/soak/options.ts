/** How long, how dense, and on how slow a machine. */
import { parseArgs } from "node:util";

export interface SoakOptions {
  /** How long it goes on at least. */
  readonly minutes: number;
  /** How many faults there are at least. */
  readonly faults: number;
  /** Seconds between faults. */
  readonly quiet: number;
  /**
   * How many times as long as usual may be taken by what hangs on the machine's speed: recovery, reads of
   * the registry, PostgREST's answer. Never by a revocation: that is as exact on a slow machine.
   */
  readonly slowness: number;
}

/** @throws {TypeError} An option is unknown, or no positive number. */
export function soakOptions(args: string[]): SoakOptions {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: "string", default: "10" },
      faults: { type: "string", default: "1" },
      quiet: { type: "string", default: "8" },
      slowness: { type: "string", default: "1" },
    },
  });
  const positive = (name: keyof SoakOptions) => {
    const value = Number(values[name]);
    if (value > 0) return value;
    throw new TypeError(`Option "--${name}" is not valid, expected a positive number`);
  };
  return {
    minutes: positive("minutes"),
    faults: positive("faults"),
    quiet: positive("quiet"),
    slowness: positive("slowness"),
  };
}
