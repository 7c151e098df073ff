import { type DeclarationProblem, RegistryError } from "@countersign/registry-admin";
import { SignerError } from "@countersign/signer";
import { ConfigurationError } from "@countersign/swap-proxy";
import { InvalidPublicKeyError } from "@countersign/verifier";
import { LocalTargetError } from "@countersign/local-target";
import { CommanderError } from "commander";
import { CliError, ExitStatus } from "./errors.ts";
import { type CliIo, isBrokenPipe, readingOnce } from "./io.ts";
import { painter } from "./options/color.ts";
import { printable } from "./options/output.ts";
import { createProgram } from "./program.ts";

/** How the process ends: success, failure, usage error. */
export type ExitCode = 0 | 1 | 2;

interface Failure {
  readonly exitCode: ExitCode;
  readonly code: string;
  /** One line without secrets. Empty when everything was reported already. */
  readonly message: string;
  /** The last lines of a program that failed. */
  readonly output?: readonly string[];
  /** The problems of a file, each with its place. */
  readonly problems?: readonly DeclarationProblem[];
}

/** Commands whose exit code 2 is an answer. A usage error of them is a failure like any other. */
const TWO_IS_AN_ANSWER: ReadonlySet<string | undefined> = new Set(["plan"]);

/**
 * Runs one command.
 *
 * A failure is reported as one line on standard error, with `--json` as JSON, and never as a stack trace. For a
 * defect of ours, `COUNTERSIGN_DEBUG=1` prints one.
 *
 * @param args What follows the name of the command.
 * @returns How the process should end.
 */
export async function runCli(args: readonly string[], io: CliIo): Promise<ExitCode> {
  try {
    await createProgram(readingOnce(io)).parseAsync([...args], { from: "user" });
    return 0;
  } catch (error) {
    // Nobody reads any more, so there is nobody to report to either.
    if (isBrokenPipe(error)) return 1;
    if (error instanceof ExitStatus) return error.exitCode;
    const failure = describe(error, io);
    report(failure, args.includes("--json"), io);
    return failure.exitCode === 2 && TWO_IS_AN_ANSWER.has(args[0]) ? 1 : failure.exitCode;
  }
}

function report(failure: Failure, json: boolean, io: CliIo): void {
  const { code, message, output = [], problems = [] } = failure;
  if (message === "") return;
  // A single problem is the message already.
  const places = problems.length < 2
    ? []
    : problems.map(({ line, column, message }) => `line ${line}, column ${column}: ${message}`);
  const text = json
    ? JSON.stringify({
      error: {
        code,
        message,
        ...(output.length > 0 && { output }),
        ...(problems.length > 0 && { problems }),
      },
    })
    : [
      `${painter(io, "stderr")("red", "error:")} ${printable(message)} (${code})`,
      ...[...output, ...places].map((line) => `  ${printable(line)}`),
    ].join("\n");
  try {
    io.stderr(`${text}\n`);
  } catch (error) {
    if (!isBrokenPipe(error)) throw error;
  }
}

function describe(error: unknown, io: CliIo): Failure {
  if (error instanceof CommanderError) return fromCommander(error);
  if (error instanceof CliError) {
    return { exitCode: error.code === "usage" ? 2 : 1, code: error.code, message: error.message };
  }
  if (error instanceof ConfigurationError) {
    return { exitCode: 2, code: error.code, message: error.message };
  }
  if (error instanceof RegistryError || error instanceof SignerError) {
    return {
      exitCode: WRONG_VALUES.has(error.code) ? 2 : 1,
      code: error.code,
      message: error.message,
      ...(error instanceof RegistryError && { problems: error.problems }),
    };
  }
  if (error instanceof InvalidPublicKeyError) {
    return { exitCode: 1, code: error.code, message: error.message };
  }
  if (error instanceof LocalTargetError) {
    const [message = ""] = error.message.split(":\n", 1);
    return { exitCode: 1, code: error.code, message, output: error.output.slice(-20) };
  }
  if (io.env.COUNTERSIGN_DEBUG === "1" && error instanceof Error) io.stderr(`${error.stack}\n`);
  const name = error instanceof Error ? error.name : typeof error;
  return {
    exitCode: 1,
    code: "unexpected",
    message: `Internal error (${name}); set COUNTERSIGN_DEBUG=1 for the stack trace`,
  };
}

/** Codes for an invalid value on the command line. */
const WRONG_VALUES: ReadonlySet<string> = new Set([
  "invalid_argument",
  "invalid_issuer",
  "invalid_audience",
  "invalid_claims",
  "invalid_duration",
  "reserved_claim",
  "unsupported_algorithm",
]);

function fromCommander(error: CommanderError): Failure {
  const quiet = error.exitCode === 0 || error.code === "commander.help";
  const message = quiet ? "" : withoutValues(error.message.replace(/^error: /, ""));
  return { exitCode: error.exitCode === 0 ? 0 : 2, code: "usage", message: asSentence(message) };
}

/** Commander quotes what it does not understand, which may be a key or a token in the wrong place. */
function withoutValues(message: string): string {
  return message
    .replace(/(--?[\w-]+)=[^']*/g, "$1")
    .replace(/(Expected \d+ arguments? but got \d+):.*/s, "$1")
    .replace(/'[^']*'/gs, (quoted) => quoted.includes("\n") ? "'…'" : quoted)
    .replace(/\s*\n\s*/g, "; ")
    .replace(/[^\s'"]{33,}/g, "…");
}

function asSentence(message: string): string {
  return message.charAt(0).toUpperCase() + message.slice(1).replace(/\.$/, "");
}
