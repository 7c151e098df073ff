import { Problems } from "./problems.ts";

/**
 * Reads variables. White space around a value is left out, and quotes that a shell would have removed; an empty
 * variable counts as missing.
 */
export class Environment extends Problems {
  readonly #variables: Readonly<Record<string, string>>;

  constructor(variables: Readonly<Record<string, string>>) {
    super();
    this.#variables = variables;
  }

  /** The value, or `undefined` where there is none. */
  get(name: string): string | undefined {
    const value = this.#variables[name]?.trim().replace(/^(["'])(.*)\1$/s, "$2").trim();
    return value === "" ? undefined : value;
  }

  /** The first of these variables that has a value. */
  first(...names: string[]): string | undefined {
    return names.find((name) => this.get(name) !== undefined);
  }

  /** Reads a value by `parse`, whose error says what was expected. */
  parse<Value>(name: string, parse: (value: string) => Value): Value | undefined {
    const value = this.get(name);
    return value === undefined ? undefined : this.try(name, () => parse(value));
  }

  /** Notes the variables of ours that nothing reads: a misspelled one would switch a check off without a word. */
  refuseUnknown(known: ReadonlySet<string>): void {
    for (const name of Object.keys(this.#variables)) {
      if (name.startsWith("COUNTERSIGN_") && !known.has(name)) {
        this.add(name, "is not a variable of Countersign: correct its name, or unset it");
      }
    }
  }
}
