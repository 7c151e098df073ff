import type { CliIo } from "../io.ts";

const CODES = { red: 31, green: 32, yellow: 33, dim: 2 } as const;

/** A color of the terminal's palette. */
export type Color = keyof typeof CODES;

/** Colors a text. */
export type Painter = (color: Color, text: string) => string;

/**
 * Colors only what goes to a terminal that wants it: `NO_COLOR` (https://no-color.org) and a dumb terminal do not,
 * `FORCE_COLOR` colors a pipe as well.
 */
export function painter({ env, terminal }: CliIo, stream: "stdout" | "stderr"): Painter {
  const wanted = !env.NO_COLOR && (
    env.FORCE_COLOR ? env.FORCE_COLOR !== "0" : terminal[stream] && env.TERM !== "dumb"
  );
  return (color, text) => wanted ? `\x1b[${CODES[color]}m${text}\x1b[0m` : text;
}
