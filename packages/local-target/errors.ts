/** Why a local target could not start, or could not be taken down. Closed. */
export type LocalTargetErrorCode =
  /** No Postgres binary for this platform. */
  | "postgres_unavailable"
  /** No PostgREST binary for this platform, neither packaged nor on `PATH`. */
  | "postgrest_unavailable"
  /** Running as root on a machine that has no user to run Postgres as. */
  | "no_unprivileged_user"
  /** A process ended, or was not ready in time; `output` has its last lines. */
  | "process_failed"
  /** A statement of the `sql` option, or a migration, failed; `cause` is Postgres's error. */
  | "sql_failed"
  /** Something of the target could not be removed. */
  | "cleanup_failed"
  /** The gateway's port is in use, or may not be listened on. */
  | "port_unavailable"
  /** There is no temporary folder to put the target into: see `TMPDIR`. */
  | "no_temporary_folder"
  /** The `signal` option was aborted during the start. */
  | "aborted";

/**
 * A target could not start, or could not be taken down.
 *
 * @example Tell a mistake in the SQL from a machine that lacks something
 * ```ts
 * import { LocalTargetError, startLocalTarget } from "@countersign/local-target";
 * import assert from "node:assert/strict";
 *
 * await assert.rejects(
 *   startLocalTarget({ migrations: false, function: false, sql: ["create tabel widgets ()"] }),
 *   (error) => error instanceof LocalTargetError && error.code === "sql_failed",
 * );
 * ```
 */
export class LocalTargetError extends Error {
  /** The name of the class. */
  override readonly name = "LocalTargetError";
  /** Stable: safe to branch on. */
  readonly code: LocalTargetErrorCode;
  /** The last lines that the failing process wrote. */
  readonly output: readonly string[];

  /**
   * An error whose message ends with the last lines of `output`.
   *
   * @param code What went wrong, for programs.
   * @param message What went wrong and how to fix it, for people.
   * @param options The cause, and the last lines of the process that failed.
   */
  constructor(
    code: LocalTargetErrorCode,
    message: string,
    options: { cause?: unknown; output?: readonly string[] } = {},
  ) {
    const output = options.output ?? [];
    super(
      output.length === 0 ? message : `${message}:\n${output.slice(-20).join("\n")}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.output = output;
  }
}
