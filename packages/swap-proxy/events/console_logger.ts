import { LeftOutCounts, LOG_BUDGETS, type LogKind, logKind } from "./log_budgets.ts";
import type { SwapEvent } from "./swap_event.ts";

/** Milliseconds that a budget is for. */
const WINDOW = 10_000;

/** Where lines go. */
export interface LogSink {
  /** Worth reading. */
  warn(line: string): void;
  /** The operator has to act. */
  error(line: string): void;
}

/** Writes events as lines of JSON. */
export interface ConsoleLogger {
  /** Writes an event, or counts it. */
  readonly log: (event: SwapEvent) => void;
  /** Writes what was counted since. For the end of a worker; the logger goes on. */
  flush(): void;
}

/** What a logger needs of its surroundings. */
export interface ConsoleLoggerOptions {
  /** Where lines go. Default: the console. */
  readonly sink?: LogSink;
  /** A clock that never steps back, in milliseconds. Default: `performance.now`. */
  readonly clock?: () => number;
  /** Runs something later, and returns what cancels it. Default: `setTimeout`. */
  readonly later?: (run: () => void, milliseconds: number) => () => void;
}

/**
 * Makes a logger that writes an event as one line of JSON.
 *
 * Under a flood it counts instead, each kind of line by itself, and writes the counts ten seconds after the flood began,
 * whether anything else happens or not. Memory: at most 1,000 issuers' counts a kind.
 */
export function consoleLogger(options: ConsoleLoggerOptions = {}): ConsoleLogger {
  const { sink = console, clock = () => performance.now(), later = timeout } = options;
  const windows = new Map<LogKind, Window>();

  const close = (kind: LogKind): void => {
    const window = windows.get(kind);
    windows.delete(kind);
    window?.cancel?.();
    const summary = window?.leftOut?.summary(kind);
    if (summary !== undefined) sink[levelOf(kind)](JSON.stringify(summary));
  };

  return {
    log(event) {
      const now = clock();
      const kind = logKind(event);
      const last = windows.get(kind);
      if (last !== undefined && now >= last.endsAt) close(kind);
      const window = windows.get(kind) ?? { endsAt: now + WINDOW, written: 0 };
      windows.set(kind, window);
      if (window.written < LOG_BUDGETS[kind]) {
        window.written++;
        sink[levelOf(kind)](JSON.stringify(event));
        return;
      }
      window.leftOut ??= new LeftOutCounts();
      window.leftOut.add(event);
      window.cancel ??= later(() => close(kind), window.endsAt - now);
    },
    flush() {
      for (const kind of [...windows.keys()]) close(kind);
    },
  };
}

interface Window {
  readonly endsAt: number;
  written: number;
  leftOut?: LeftOutCounts;
  cancel?: () => void;
}

function levelOf(kind: LogKind): keyof LogSink {
  return kind === "alarms" ? "error" : "warn";
}

function timeout(run: () => void, milliseconds: number): () => void {
  const timer = setTimeout(run, milliseconds);
  return () => clearTimeout(timer);
}
