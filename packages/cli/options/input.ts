import { readFile } from "node:fs/promises";
import { CliError, usage } from "../errors.ts";
import type { CliIo } from "../io.ts";

/** Reads a file, or standard input for `-`. */
export async function readInput(path: string, what: string, io: CliIo): Promise<string> {
  if (path === "-") return await io.stdin();
  // Never repeated: it may be the private one.
  if (path.includes("-----BEGIN")) {
    usage(
      `Expected the name of a file with ${what}, found a key; give it on standard input, as "-"`,
    );
  }
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new CliError("failed", `Cannot read ${what} from "${path}": ${reason(error)}`);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EEXIST: "it already exists",
  EISDIR: "it is a directory",
  ENOTDIR: "a part of the path is not a directory",
  ENAMETOOLONG: "the name is too long",
  ENOSPC: "no space left on the device",
  EROFS: "the file system is read-only",
};

/** Why the operating system refused, in words. */
export function reason(error: unknown): string {
  const code = error instanceof Error ? Reflect.get(error, "code") : undefined;
  const name = error instanceof Error ? error.name : "an error";
  return REASONS[String(code)] ?? `the system reports ${typeof code === "string" ? code : name}`;
}

const SECONDS: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3_600, d: 86_400 };

/** Seconds of a duration such as `90`, `90s`, `5m`, `1h` or `7d`. */
export function durationOption(flag: string, value: string): number {
  const [, amount, unit = ""] = /^(\d{1,9})([smhd]?)$/.exec(value) ?? [];
  if (amount === undefined) usage(`Expected ${flag} to be a duration, like 90s, 5m, 1h or 7d`);
  return Number(amount) * (SECONDS[unit] ?? NaN);
}

/**
 * Seconds since the epoch of `now`, of an ISO 8601 time, or of a number of seconds. Rounded up: a token says the whole second
 * in which it was issued, and "refuse what was issued before now" has to reach those of the second that has begun.
 */
export function timeOption(flag: string, value: string, { now }: CliIo): number {
  if (value === "now") return Math.ceil(now() / 1000);
  if (/^\d{1,11}$/.test(value)) return Number(value);
  // A time without an offset would mean something else on every machine.
  const milliseconds = /^\d{4}-\d\d-\d\d(T.*(Z|[+-]\d\d:?\d\d))?$/.test(value)
    ? Date.parse(value)
    : NaN;
  if (Number.isNaN(milliseconds)) {
    usage(
      `Expected ${flag} to be "now", a time like 2027-01-31T12:00:00Z, or seconds since the epoch`,
    );
  }
  return Math.ceil(milliseconds / 1000);
}

/** The JSON object that a flag holds. */
export function jsonObject(flag: string, json: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    usage(`Expected ${flag} to be JSON, like '{"text": "hello"}'`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    usage(`Expected ${flag} to be a JSON object, like '{"text": "hello"}'`);
  }
  return { ...value };
}

/** The whole number that a flag holds, within bounds. */
export function numberFrom(flag: string, value: string, least: number, most: number): number {
  const number = integerOption(flag, value);
  if (number < least || number > most) usage(`Expected ${flag} to be from ${least} to ${most}`);
  return number;
}

/** The whole number that a flag holds. */
export function integerOption(flag: string, value: string): number {
  if (!/^\d{1,15}$/.test(value)) usage(`Expected ${flag} to be a whole number`);
  return Number(value);
}

/** Gathers the values of a flag that can be repeated; `false` is what its `--no-…` twin leaves behind. */
export function repeated(value: string, before?: readonly string[] | false): readonly string[] {
  return [...before || [], value];
}
