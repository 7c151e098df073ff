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
