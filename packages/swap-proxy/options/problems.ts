import { PostgresConnectionError } from "@countersign/postgres/errors";
import { ConfigurationError, type ConfigurationProblem } from "../errors.ts";

/**
 * Collects what is wrong with a configuration, so that an operator can fix everything at once. A problem never
 * repeats a value: it could be a secret in the wrong place.
 */
export class Problems {
  readonly #found: ConfigurationProblem[] = [];

  /** Runs something that a wrong value of `name` makes throw. */
  try<Value>(name: string, run: () => Value): Value | undefined {
    try {
      return run();
    } catch (error) {
      if (error instanceof ConfigurationError) {
        for (const { message } of error.problems) this.add(name, message);
      } else if (
        error instanceof TypeError || error instanceof RangeError ||
        error instanceof PostgresConnectionError
      ) {
        this.add(name, error.message);
      } else {
        throw error;
      }
      return undefined;
    }
  }

  /** Notes a problem. */
  add(name: string, message: string): undefined {
    this.#found.push({ name, message });
  }

  /** Whether anything was wrong. */
  get any(): boolean {
    return this.#found.length > 0;
  }

  /** @throws {ConfigurationError} With all that was wrong. */
  fail(): never {
    throw new ConfigurationError(this.#found);
  }
}
