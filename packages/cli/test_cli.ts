import assert from "node:assert/strict";
import { type ExitCode, runCli } from "./run.ts";

/** What stands in for the world around the command. */
export interface World {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly now?: () => number;
  readonly fetch?: typeof fetch;
  /** Ends `dev` and `serve`; called with what they have printed. */
  readonly interrupt?: (stdout: () => string) => Promise<void>;
}

/** What a command did. */
export interface Outcome {
  readonly code: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command in this process. */
export async function cli(args: readonly string[], world: World = {}): Promise<Outcome> {
  let stdout = "";
  let stderr = "";
  const code = await runCli(args, {
    env: world.env ?? {},
    stdout: (text) => stdout += text,
    stderr: (text) => stderr += text,
    stdin: () => Promise.resolve(world.stdin ?? ""),
    now: world.now ?? Date.now,
    fetch: world.fetch ?? (() => Promise.reject(new Error("no network in this test"))),
    interrupted: () => world.interrupt?.(() => stdout) ?? Promise.resolve(),
  });
  return { code, stdout, stderr };
}

/** Runs a command that has to succeed, and reads what it printed with `--json`. */
export async function cliJson(args: readonly string[], world: World = {}): Promise<unknown> {
  const { code, stdout, stderr } = await cli([...args, "--json"], world);
  assert.equal(code, 0, stderr);
  assert.equal(stdout.split("\n").length, 2, "expected one line of JSON");
  return JSON.parse(stdout);
}

/** Checks that a command failed, with one line on standard error and none on standard output. */
export function assertFailed(outcome: Outcome, code: ExitCode, message: RegExp): void {
  assert.equal(outcome.stdout, "");
  assert.match(outcome.stderr, message);
  assert.match(outcome.stderr, /^error: [^\n]+\n$/);
  assert.equal(outcome.code, code);
}
