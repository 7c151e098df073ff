import { writeSync } from "node:fs";
import process from "node:process";
import { usage } from "./errors.ts";
import { launcher } from "./launcher.ts";

/** Everything that a command touches except files, so that a test can replace it. */
export interface CliIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Reads standard input to its end. */
  readonly stdin: () => Promise<string>;
  /** Which streams are terminals. */
  readonly terminal: { readonly stdout: boolean; readonly stderr: boolean };
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly fetch: typeof fetch;
  /** Starts to watch for Ctrl-C and termination; resolves when one arrives. */
  readonly interrupted: () => Promise<void>;
}

/** The process that runs us. */
export function processIo(): CliIo {
  reachLoopbackDirectly();
  return {
    env: process.env,
    stdout: (text) => writeAll(1, text),
    stderr: (text) => writeAll(2, text),
    stdin: async () => {
      let text = "";
      process.stdin.setEncoding("utf8");
      for await (const chunk of process.stdin) text += chunk;
      return text;
    },
    terminal: { stdout: process.stdout.isTTY === true, stderr: process.stderr.isTTY === true },
    now: Date.now,
    fetch: globalThis.fetch,
    interrupted,
  };
}

/** The same, with a standard input that is read once: only one option can be `-`. */
export function readingOnce(io: CliIo): CliIo {
  let read = false;
  const stdin = () => {
    if (read) usage("Expected at most one value from standard input");
    read = true;
    return io.stdin();
  };
  return { ...io, stdin };
}

/** Whether nobody reads what is written any more, as in `countersign list | head -1`. */
export function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && Reflect.get(error, "code") === "EPIPE";
}

function writeAll(descriptor: number, text: string): void {
  let rest = new TextEncoder().encode(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      // A pipe whose reader is slow.
      if (!(error instanceof Error && Reflect.get(error, "code") === "EAGAIN")) throw error;
    }
  }
}

function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const stop = () => {
      // Asked again: whoever cleans up outlives us.
      if (asked) process.exit(1);
      asked = true;
      resolve();
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
    launcher(process.env)?.gone.then(stop);
  });
}

/** A proxy cannot reach this machine's loopback addresses, so HTTP_PROXY never applies to them. */
function reachLoopbackDirectly(): void {
  const { env } = process;
  const loopback = "localhost,127.0.0.1,::1";
  const direct = env.NO_PROXY ?? env.no_proxy;
  env.NO_PROXY = direct === undefined || direct === "" ? loopback : `${direct},${loopback}`;
  env.no_proxy = env.NO_PROXY;
}
