import { type DeclarationProblem, RegistryError } from "../../errors.ts";
import type { Path, SourcePosition, TomlSource } from "./toml_source.ts";

/** Who has more to mend starts with these. */
const MOST = 20;

/** What is wrong with a file, gathered, so that one look at it shows everything. */
export class Problems {
  readonly #source: TomlSource;
  readonly #found: DeclarationProblem[] = [];

  constructor(source: TomlSource) {
    this.#source = source;
  }

  add(path: Path, message: string): void {
    if (this.#found.length < MOST) this.#found.push({ ...this.#source.position(path), message });
  }

  /** Does the work; what it throws as a `RangeError` is a problem of the member. */
  async caught<T>(path: Path, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.add(path, error.message);
      return undefined;
    }
  }

  /** Gives up: nothing after this can be read. */
  stop({ line, column }: SourcePosition, message: string): never {
    throw invalidDeclaration([{ line, column, message }]);
  }

  /** Throws if anything was found. */
  report(): void {
    if (this.#found.length > 0) {
      throw invalidDeclaration(
        this.#found.toSorted((a, b) => a.line - b.line || a.column - b.column),
      );
    }
  }
}

/** The error that says what is wrong, and where. */
export function invalidDeclaration(problems: readonly DeclarationProblem[]): RegistryError {
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
  const said = first === undefined
    ? ""
    : `Line ${first.line}, column ${first.column}: ${first.message}`;
  return new RegistryError("invalid_declaration", said + more, { problems });
}
