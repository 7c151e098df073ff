/** A usage error (exit status 2); a failure, or a negative answer (exit status 1). */
export type CliErrorCode = "usage" | "failed" | "refused";

/** A mistake or failure that one line explains. Its message never holds a key, a token or a password. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly code: CliErrorCode;

  constructor(code: CliErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Ends the command with a usage error. */
export function usage(message: string): never {
  throw new CliError("usage", message);
}

/** Ends the command with an exit status that says something, and nothing else to report. */
export class ExitStatus extends Error {
  override readonly name = "ExitStatus";
  readonly exitCode: 1 | 2;

  constructor(exitCode: 1 | 2) {
    super(`Exit status ${exitCode}`);
    this.exitCode = exitCode;
  }
}
