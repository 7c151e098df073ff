import { usage } from "./errors.ts";

/** Everything that a command touches except files, so that a test can replace it. */
export interface CliIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Reads standard input to its end. */
  readonly stdin: () => Promise<string>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly fetch: typeof fetch;
  /** Starts to watch for Ctrl-C and termination; resolves when one arrives. */
  readonly interrupted: () => Promise<void>;
}

/** The process that runs us. */
export function denoIo(): CliIo {
  const encoder = new TextEncoder();
  return {
    env: Deno.env.toObject(),
    stdout: (text) => writeAll(Deno.stdout, encoder.encode(text)),
    stderr: (text) => writeAll(Deno.stderr, encoder.encode(text)),
    stdin: () => new Response(Deno.stdin.readable).text(),
    now: Date.now,
    fetch: globalThis.fetch,
    interrupted: () =>
      new Promise((resolve) => {
        for (const signal of ["SIGINT", "SIGTERM"] as const) {
          Deno.addSignalListener(signal, () => resolve());
        }
      }),
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

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) {
    written += stream.writeSync(bytes.subarray(written));
  }
}
