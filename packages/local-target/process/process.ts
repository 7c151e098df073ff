import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { LocalTargetError } from "../errors.ts";
import type { FinalSignal, Reaper } from "./reaper.ts";

const KEPT_LINES = 500;

/** Which part of a target wrote a line. */
export type LogSource = "postgres" | "postgrest" | "function";

/** What every process of a target needs. */
export interface ProcessContext {
  readonly reaper: Reaper;
  readonly onLog: (source: LogSource, line: string) => void;
  /** Once it is aborted nothing more is started. */
  readonly signal?: AbortSignal | undefined;
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

/**
 * Waits for a line before it becomes the program: by then the reaper knows of it. A program that dies in between
 * leaves nothing, because `read` fails when the pipe closes.
 */
const SCRIPT = 'read -r _ || exit 1; exec "$0" "$@" </dev/null';

/** How a process ended. */
export interface ExitStatus {
  readonly success: boolean;
  /** `null` if a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
}

/** A running program whose output is kept and which cannot outlive this one. */
export class ManagedProcess {
  /** The last lines that it wrote, oldest first. */
  readonly lines: string[] = [];
  /** Settles when it has ended and all its output has been read. */
  readonly ended: Promise<ExitStatus>;
  /** Set once it has ended. */
  status: ExitStatus | undefined;

  readonly #name: LogSource;
  readonly #command: string;
  readonly #finalSignal: FinalSignal;
  readonly #child: ChildProcess;
  readonly #listeners = new Set<(line: string) => void>();

  private constructor(child: ChildProcess, options: ProcessOptions, context: ProcessContext) {
    this.#name = options.name;
    this.#command = options.command;
    this.#finalSignal = options.finalSignal;
    this.#child = child;
    this.ended = this.#run(context);
  }

  /** @throws {LocalTargetError} `process_failed` when no process can be started. */
  static async spawn(options: ProcessOptions, context: ProcessContext): Promise<ManagedProcess> {
    context.signal?.throwIfAborted();
    const child = spawn("/bin/sh", ["-c", SCRIPT, options.command, ...options.args], {
      cwd: options.cwd,
      env: options.env,
      stdio: ["pipe", "pipe", "pipe"],
      // A process group of its own, which the reaper kills as a whole.
      detached: true,
      ...(options.uid === undefined ? {} : { uid: options.uid }),
      ...(options.gid === undefined ? {} : { gid: options.gid }),
    });
    try {
      if (child.pid === undefined) await once(child, "spawn");
    } catch (cause) {
      throw new LocalTargetError("process_failed", `Cannot execute "${options.command}"`, {
        cause,
      });
    }
    const process = new ManagedProcess(child, options, context);
    await context.reaper.watch(process.#pid, options.finalSignal);
    child.stdin?.on("error", () => {});
    child.stdin?.end("\n");
    return process;
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
        const { code, signal } = this.status;
        if (code === 126 || code === 127) throw this.failure(`Cannot execute "${this.#command}"`);
        const how = signal ?? `exit status ${code}`;
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

  get #pid(): number {
    if (this.#child.pid === undefined) throw new TypeError("Expected a process that was started");
    return this.#child.pid;
  }

  #signal(signal: FinalSignal): void {
    if (this.status !== undefined) return;
    try {
      process.kill(-this.#pid, signal);
    } catch (error) {
      // It ended by itself, and its status is not known here yet.
      if (!(error instanceof Error && Reflect.get(error, "code") === "ESRCH")) throw error;
    }
  }

  async #pause(milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, milliseconds);
    await Promise.race([promise, this.ended]);
    clearTimeout(timer);
  }

  async #run({ reaper, onLog }: ProcessContext): Promise<ExitStatus> {
    const read = async (stream: ChildProcess["stdout"]) => {
      if (stream === null) return;
      for await (const line of createInterface({ input: stream })) {
        this.lines.push(line);
        if (this.lines.length > KEPT_LINES) this.lines.shift();
        onLog(this.#name, line);
        for (const listener of this.#listeners) listener(line);
      }
    };
    const output = Promise.all([read(this.#child.stdout), read(this.#child.stderr)]);
    await once(this.#child, "exit");
    await reaper.forget(this.#pid);
    await output;
    const { exitCode: code, signalCode: signal } = this.#child;
    return this.status = { success: code === 0, code, signal };
  }
}
