import { PostgresConnectionError } from "@countersign/postgres";
import { ConfigurationError, type ConfigurationProblem } from "../errors.ts";

/**
 * Reads variables and collects what is wrong with them, so that an operator can fix everything at once. An
 * empty variable counts as missing. A problem never repeats a value: it could be a secret in the wrong
 * place.
 */
export class Environment {
  readonly #variables: Readonly<Record<string, string>>;
  readonly #problems: ConfigurationProblem[] = [];

  constructor(variables: Readonly<Record<string, string>>) {
    this.#variables = variables;
  }

  /** The value, or `undefined` where there is none. */
  get(name: string): string | undefined {
    const value = this.#variables[name]?.trim();
    return value === "" ? undefined : value;
  }

  /** Reads a value by `parse`, whose error says what was expected. */
  parse<Value>(name: string, parse: (value: string) => Value): Value | undefined {
    const value = this.get(name);
    return value === undefined ? undefined : this.try(name, () => parse(value));
  }

  /** Runs something that a wrong value of `name` makes throw. */
  try<Value>(name: string, run: () => Value): Value | undefined {
    try {
      return run();
    } catch (error) {
      if (error instanceof ConfigurationError) {
        for (const { message } of error.problems) this.problem(name, message);
      } else if (
        error instanceof TypeError || error instanceof RangeError ||
        error instanceof PostgresConnectionError
      ) {
        this.problem(name, error.message);
      } else {
        throw error;
      }
      return undefined;
    }
  }

  /** Notes a problem. */
  problem(name: string, message: string): undefined {
    this.#problems.push({ name, message });
  }

  /** Whether anything was wrong. */
  get hasProblems(): boolean {
    return this.#problems.length > 0;
  }

  /** @throws {ConfigurationError} With all that was wrong. */
  fail(): never {
    throw new ConfigurationError(this.#problems);
  }
}

/** A comma-separated list. */
export function list(value: string): string[] {
  const items = value.split(",").map((item) => item.trim()).filter((item) => item !== "");
  if (items.length === 0) throw new TypeError("Expected one name or more, separated by commas");
  return items;
}

/** `true` or `false`. */
export function boolean(value: string): boolean {
  if (value === "true") return true;
  if (value === "false") return false;
  throw new TypeError("Expected true or false");
}

/** `500ms`, `5s`, `1m`, or a number of seconds; as milliseconds. */
export function duration(value: string): number {
  const [, digits, unit] = /^(\d{1,7})(ms|s|m)?$/.exec(value) ?? [];
  const milliseconds = Number(digits) * (unit === "ms" ? 1 : unit === "m" ? 60_000 : 1_000);
  if (!(milliseconds > 0)) throw new TypeError("Expected a duration such as 500ms, 5s or 1m");
  return milliseconds;
}
