import { errorChain, errorCodes } from "@countersign/postgres/errors";

/**
 * The innermost cause of an error, as a SQLSTATE, errno or class name.
 *
 * **Does not** return a message: a driver's or parser's message may quote what it was given.
 */
export function innermostCause(error: unknown): string | undefined {
  const [, ...causes] = errorChain(error);
  const innermost = causes.at(-1);
  const [code = ""] = errorCodes(innermost);
  return /^[A-Za-z0-9_]{1,48}$/.test(code) ? code : innermost?.name;
}

/** Where an unexpected error was thrown, without its message. */
export function stackFrames(error: unknown): string {
  const stack = error instanceof Error ? error.stack ?? "" : "";
  return stack.split("\n").filter((line) => /^\s+at /.test(line)).slice(0, 8).join("\n");
}
