/** Errors underneath one another that are looked at: a chain may be a circle. */
const MAX_DEPTH = 8;

/**
 * The innermost cause of an error, as a SQLSTATE, errno or class name.
 *
 * **Does not** return a message: a driver's or parser's message may quote what it was given.
 */
export function innermostCause(error: unknown): string | undefined {
  let innermost: string | undefined;
  let cause = error instanceof Error ? error.cause : undefined;
  for (let depth = 0; cause instanceof Error && depth < MAX_DEPTH; depth++) {
    const code: unknown = Reflect.get(cause, "code");
    innermost = typeof code === "string" && /^[A-Za-z0-9_]{1,48}$/.test(code) ? code : cause.name;
    cause = cause.cause;
  }
  return innermost;
}

/** Where an unexpected error was thrown, without its message. */
export function stackFrames(error: unknown): string {
  const stack = error instanceof Error ? error.stack ?? "" : "";
  return stack.split("\n").filter((line) => /^\s+at /.test(line)).slice(0, 8).join("\n");
}
