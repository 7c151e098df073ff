import { parse, TomlError } from "smol-toml";
import type { Problems } from "./problems.ts";
import type { Path, TomlSource } from "./toml_source.ts";

/** 10,000 issuers with an RSA key each fit. */
const MOST_CHARACTERS = 8 * 1024 * 1024;
/** Lists and inline tables in one another: keys, their tables, and one to say what is wrong with it. */
const DEEPEST_VALUE = 4;
/** A member's name, "=" and a time. */
const MOST_OF_A_TIME = 200;

/**
 * Parses TOML, within bounds.
 *
 * @throws {RegistryError} `invalid_declaration`, with the parser's reason and nothing that it quotes.
 */
export function parseDocument(text: string, problems: Problems): unknown {
  if (text.length > MOST_CHARACTERS) {
    problems.stop({ line: 1, column: 1 }, "Expected a file of at most 8 MiB");
  }
  try {
    return parse(text, { maxDepth: DEEPEST_VALUE });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // What follows the first line quotes the file, which may hold a key that was pasted by mistake.
    const reason = /^Invalid TOML document: ([^\n]*)/.exec(error.message)?.[1] ?? "not TOML";
    return problems.stop(error, `Expected TOML: ${reason}`);
  }
}

/** Throws a `RangeError` for a day that is in no calendar: the parser takes February 30 for March 2. */
export function refuseNoDate(source: TomlSource, member: Path): void {
  const written = source.excerpt(member, MOST_OF_A_TIME);
  const [, date = ""] = /=\s*(\d{4}-\d\d-\d\d)/.exec(written) ?? [];
  const isDay = date === "" || new Date(`${date}T00:00:00Z`).toISOString().startsWith(date);
  if (!isDay) throw new RangeError("Expected a day of the calendar");
}
