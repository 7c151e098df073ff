import type { ManagedProcess } from "./process.ts";

const READY_TIMEOUT = 30_000;

/** One of a target's processes, for tests of what happens when it is gone. */
export interface Service {
  /** The last lines that it wrote, oldest first. */
  readonly logs: readonly string[];
  /** Ends it at once, as a crash would. */
  stop(): Promise<void>;
  /** Starts it where it was, and waits until it is ready. */
  start(): Promise<void>;
  /** Ends and starts it. */
  restart(): Promise<void>;
}

/** What the three have in common: how they start, end and come back. */
export abstract class ProcessService implements Service {
  #process: ManagedProcess | undefined;

  /** Runs the program. */
  protected abstract spawn(): Promise<ManagedProcess>;

  /** Whether it answers by now. */
  protected abstract isReady(process: ManagedProcess): boolean | Promise<boolean>;

  get logs(): readonly string[] {
    return this.#process?.lines ?? [];
  }

  /** @throws {LocalTargetError} `process_failed`. */
  async start(): Promise<void> {
    if (this.#process !== undefined && this.#process.status === undefined) return;
    const process = await this.spawn();
    this.#process = process;
    try {
      await process.until(() => this.isReady(process), READY_TIMEOUT);
    } catch (error) {
      await process.kill();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#process?.kill();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** What runs now. */
  protected get process(): ManagedProcess {
    if (this.#process === undefined) throw new TypeError("Expected a process that was started");
    return this.#process;
  }
}
