/** Called wrongly (exit 2); could not do what was asked, or the answer is no (exit 1). */
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

/** Stops the command because it was called wrongly. */
export function usage(message: string): never {
  throw new CliError("usage", message);
}
