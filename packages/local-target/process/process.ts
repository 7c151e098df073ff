import { LocalTargetError } from "../errors.ts";
import type { FinalSignal, Reaper } from "./reaper.ts";

const KEPT_LINES = 500;

/** Which part of a target wrote a line. */
export type LogSource = "postgres" | "postgrest" | "function";

/** What every process of a target needs. */
export interface ProcessContext {
  readonly reaper: Reaper;
  readonly onLog: (source: LogSource, line: string) => void;
}

/** How to run one program. */
export interface ProcessOptions {
  readonly name: LogSource;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** The whole environment: nothing of this program's own is passed on. */
  readonly env: Record<string, string>;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  readonly finalSignal: FinalSignal;
}

/** A running program whose output is kept and which cannot outlive this one. */
export class ManagedProcess {
  /** The last lines that it wrote, oldest first. */
  readonly lines: string[] = [];
  /** Settles when it has ended and all its output has been read. */
  readonly ended: Promise<Deno.CommandStatus>;
  /** Set once it has ended. */
  status: Deno.CommandStatus | undefined;

  readonly #name: LogSource;
  readonly #finalSignal: FinalSignal;
  readonly #child: Deno.ChildProcess;
  readonly #listeners = new Set<(line: string) => void>();

  private constructor(child: Deno.ChildProcess, options: ProcessOptions, context: ProcessContext) {
    this.#name = options.name;
    this.#finalSignal = options.finalSignal;
    this.#child = child;
    this.ended = this.#run(context);
  }

  /** @throws {LocalTargetError} `process_failed` when the program cannot be executed at all. */
  static async spawn(options: ProcessOptions, context: ProcessContext): Promise<ManagedProcess> {
    let child: Deno.ChildProcess;
    try {
      child = new Deno.Command(options.command, {
        args: [...options.args],
        cwd: options.cwd,
        env: options.env,
        clearEnv: true,
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
        ...(options.uid === undefined ? {} : { uid: options.uid }),
        ...(options.gid === undefined ? {} : { gid: options.gid }),
      }).spawn();
    } catch (cause) {
      throw new LocalTargetError("process_failed", `Cannot execute "${options.command}"`, {
        cause,
      });
    }
    await context.reaper.watch(child.pid, options.finalSignal);
    return new ManagedProcess(child, options, context);
  }

  /** Calls back for each line from now on; returns how to stop that. */
  onLine(listener: (line: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends it at once and waits until it is gone. */
  async kill(): Promise<void> {
    this.#signal(this.#finalSignal);
    const force = setTimeout(() => this.#signal("SIGKILL"), 5_000);
    try {
      await this.ended;
    } finally {
      clearTimeout(force);
    }
  }

  /**
   * Polls `probe` until it answers true.
   *
   * @param timeout In milliseconds.
   * @throws {LocalTargetError} `process_failed` when the process ends first, or not in time.
   */
  async until(probe: () => boolean | Promise<boolean>, timeout: number): Promise<void> {
    const deadline = performance.now() + timeout;
    while (true) {
      if (this.status !== undefined) {
        const how = this.status.signal ?? `exit status ${this.status.code}`;
        throw this.failure(`${this.#name} ended with ${how} before it was ready`);
      }
      if (await probe()) return;
      if (performance.now() > deadline) {
        throw this.failure(`${this.#name} was not ready after ${timeout / 1000} s`);
      }
      await this.#pause(10);
    }
  }

  /** An error that shows what the process wrote last. */
  failure(message: string, cause?: unknown): LocalTargetError {
    return new LocalTargetError("process_failed", message, { cause, output: this.lines });
  }

  #signal(signal: Deno.Signal): void {
    if (this.status !== undefined) return;
    try {
      this.#child.kill(signal);
    } catch (error) {
      // It ended by itself, and its status is not known here yet.
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  async #pause(milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, milliseconds);
    await Promise.race([promise, this.ended]);
    clearTimeout(timer);
  }

  async #run({ reaper, onLog }: ProcessContext): Promise<Deno.CommandStatus> {
    const read = async (stream: ReadableStream<Uint8Array>) => {
      let rest = "";
      const take = (line: string) => {
        this.lines.push(line);
        if (this.lines.length > KEPT_LINES) this.lines.shift();
        onLog(this.#name, line);
        for (const listener of this.#listeners) listener(line);
      };
      for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        lines.forEach(take);
      }
      if (rest !== "") take(rest);
    };
    const output = Promise.all([read(this.#child.stdout), read(this.#child.stderr)]);
    const status = await this.#child.status;
    await reaper.forget(this.#child.pid);
    await output;
    this.status = status;
    return status;
  }
}
