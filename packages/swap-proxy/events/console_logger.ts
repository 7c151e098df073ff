import type { SwapEvent } from "./swap_event.ts";

/** Milliseconds in which at most {@linkcode MAX_LINES} are written. */
const WINDOW = 10_000;
/** Half of the hundred events in ten seconds that Supabase keeps of a function. */
const MAX_LINES = 50;

/** Where lines go. */
export interface LogSink {
  /** Worth reading. */
  warn(line: string): void;
  /** Worth waking somebody. */
  error(line: string): void;
}

/**
 * Writes an event as one line of JSON. Under a flood it counts instead, and says with the first line after
 * it how many of each it left out. Alarms count towards the bound only among themselves.
 *
 * @param sink Where lines go. Default: the console.
 * @param now Milliseconds since the epoch.
 */
export function consoleLogger(
  sink: LogSink = console,
  now: () => number = Date.now,
): (event: SwapEvent) => void {
  let windowEnds = -Infinity;
  let written = { warn: 0, error: 0 };
  const leftOut = new Map<string, number>();

  return (event) => {
    const time = now();
    if (time >= windowEnds || time < windowEnds - WINDOW) {
      windowEnds = time + WINDOW;
      written = { warn: 0, error: 0 };
      if (leftOut.size > 0) {
        sink.warn(JSON.stringify({ type: "left_out", counts: Object.fromEntries(leftOut) }));
        leftOut.clear();
      }
    }
    const level = event.type === "refused" && event.alarm ? "error" : "warn";
    if (written[level] >= (level === "error" ? MAX_LINES / 2 : MAX_LINES)) {
      const kind = event.type === "refused" ? event.reason : event.type;
      leftOut.set(kind, (leftOut.get(kind) ?? 0) + 1);
      return;
    }
    written[level]++;
    sink[level](JSON.stringify(event));
  };
}
