import type { Field } from "../fields/field.ts";
import type { RegistryValue } from "../fields/value.ts";
import { type RegistryEntries, sectionsWithin } from "../sections/all_sections.ts";
import type { RegistryEntry, Section, SectionName } from "../sections/section.ts";
import { parseDocument, refuseNoDate } from "./parse_document.ts";
import { Problems } from "./problems.ts";
import { suggestion } from "./suggestion.ts";
import { type Path, type SourcePosition, TomlSource } from "./toml_source.ts";

/** A longer name is not quoted. */
const SHORT_NAME = /^[\w.-]{1,32}$/;

/** An entry of a file, and where it stands. */
export interface DeclaredEntry extends RegistryEntry {
  /** Where it stands. */
  readonly position: () => SourcePosition;
}

/** What a file says should be. Made by {@linkcode readDeclaration}. */
export interface Declaration {
  /** Its issuers and their keys, its OIDC providers and its rules. */
  readonly entries: RegistryEntries<DeclaredEntry>;
  /** Whether the guard should be on; `null`: the file leaves it alone. */
  readonly guard: boolean | null;
}

/** How a declaration is read. */
export interface ReadDeclarationOptions {
  /** Reads the file that `public_key_file` names, as {@linkcode keyFilesIn} does. Default: there are none. */
  readonly readKeyFile?: (path: string) => Promise<string>;
}

/**
 * Reads a `countersign.toml`: TOML, the JSON Schema's members and no others, and public keys.
 *
 * What the file leaves out has the database's default. Nothing of the file is quoted in an error but the names of members.
 *
 * **Does not** know the registry: whether a role is safe, or a key is another issuer's, shows when it is compared and applied.
 *
 * @param text The file's text, at most 8 MiB.
 * @throws {RegistryError} `invalid_declaration`, with every problem, its line and its column.
 *
 * @example Find out what is wrong with a file, and where
 * ```ts
 * import { readDeclaration } from "@countersign/registry-admin";
 * import assert from "node:assert/strict";
 *
 * await assert.rejects(readDeclaration('[issuers.billing]\nalowed_roles = ["writer"]'), {
 *   code: "invalid_declaration",
 *   message: 'Line 2, column 1: Unknown member "alowed_roles"; did you mean "allowed_roles"?',
 * });
 * ```
 */
export async function readDeclaration(
  text: string,
  { readKeyFile = noFiles }: ReadDeclarationOptions = {},
): Promise<Declaration> {
  const source = new TomlSource(text);
  const problems = new Problems(source);
  const reader = new Reader(source, problems, readKeyFile);
  const guard = await reader.document(parseDocument(text, problems));
  problems.report();
  return { entries: reader.entries, guard };
}

function noFiles(): Promise<string> {
  return Promise.reject(new RangeError("Expected public_key: files of keys are not read here"));
}

class Reader {
  readonly entries: Record<SectionName, Map<string, DeclaredEntry>> = {
    issuers: new Map(),
    keys: new Map(),
    providers: new Map(),
    rules: new Map(),
  };
  readonly #source: TomlSource;
  readonly #problems: Problems;
  readonly #readKeyFile: (path: string) => Promise<string>;

  constructor(
    source: TomlSource,
    problems: Problems,
    readKeyFile: (path: string) => Promise<string>,
  ) {
    this.#source = source;
    this.#problems = problems;
    this.#readKeyFile = readKeyFile;
  }

  /** Reads every section; returns what the file says of the guard. */
  async document(value: unknown): Promise<boolean | null> {
    const members = this.#table(value, [], "a file");
    this.#refuseUnknown(members, [], [...sectionsWithin(undefined).map(nameOf), "guard"]);
    for (const section of sectionsWithin(undefined)) {
      const path = [section.name];
      const table = members.get(section.name);
      if (table === undefined) continue;
      for (const [name, entry] of this.#table(table, path, "a table for each of them")) {
        await this.#entry(section, name, entry, [...path, name]);
      }
    }
    return this.#guard(members.get("guard"));
  }

  #guard(value: unknown): boolean | null {
    if (value === undefined) return null;
    const members = this.#table(value, ["guard"], "[guard]");
    this.#refuseUnknown(members, ["guard"], ["enabled"]);
    const enabled = members.get("enabled");
    if (typeof enabled === "boolean") return enabled;
    this.#problems.add(["guard", "enabled"], "Expected enabled to be true or false");
    return null;
  }

  async #entry(section: Section, name: string, value: unknown, path: Path): Promise<void> {
    const members = this.#table(value, path, `a table, which says what ${section.kind} it is`);
    const inner = sectionsWithin(section.name);
    const known = [
      ...section.fields.map(({ column }) => column),
      ...Object.keys(section.members),
      ...inner.map(nameOf),
    ];
    this.#refuseUnknown(members, path, known);
    const given = new Map<string, RegistryValue>();
    for (const field of section.fields) {
      if (members.has(field.column)) this.#field(field, members, path, given);
    }
    const source = { name, members, readKeyFile: this.#readKeyFile };
    const identified = await this.#problems.caught(path, () => section.identify(source));
    if (identified !== undefined) {
      const { key, issuer, identity, standards } = identified;
      const values = Object.fromEntries(section.fields.map(({ column, standard }) => [
        column,
        given.get(column) ?? standards?.[column] ?? standard,
      ]));
      const contradiction = section.contradiction(values);
      if (contradiction !== undefined) this.#problems.add(path, contradiction);
      const entries = this.entries[section.name];
      if (entries.has(key)) {
        this.#problems.add(path, `Expected each ${section.kind} once; this one is above as well`);
      }
      const position = () => this.#source.position(path);
      entries.set(key, { key, issuer, identity, values, position });
    }
    for (const section of inner) {
      await this.#inner(section, name, members.get(section.name), [...path, section.name]);
    }
  }

  /** An array of tables inside the entry called `name`. */
  async #inner(section: Section, name: string, value: unknown, path: Path): Promise<void> {
    if (value === undefined) return;
    if (!Array.isArray(value)) {
      this.#problems.add(path, `Expected an array of tables, one for each ${section.kind}`);
      return;
    }
    for (const [index, entry] of value.entries()) {
      await this.#entry(section, name, entry, [...path, index]);
    }
  }

  #field(
    { column, type }: Field,
    members: ReadonlyMap<string, unknown>,
    path: Path,
    given: Map<string, RegistryValue>,
  ): void {
    const value = members.get(column);
    const place = [...path, column];
    try {
      if (value instanceof Date) refuseNoDate(this.#source, place);
      given.set(column, type.fromFile(value));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#problems.add(place, `${error.message}, for ${column}`);
    }
  }

  #table(value: unknown, path: Path, expected: string): ReadonlyMap<string, unknown> {
    if (
      typeof value === "object" && value !== null && !Array.isArray(value) &&
      !(value instanceof Date)
    ) {
      return new Map(Object.entries(value));
    }
    this.#problems.add(path, `Expected ${expected}`);
    return new Map();
  }

  #refuseUnknown(
    members: ReadonlyMap<string, unknown>,
    path: Path,
    known: readonly string[],
  ): void {
    for (const name of members.keys()) {
      if (known.includes(name)) continue;
      // A name that is none may be anything that was pasted in the wrong place.
      const said = SHORT_NAME.test(name) ? ` "${name}"${suggestion(name, known)}` : "";
      this.#problems.add([...path, name], `Unknown member${said}`);
    }
  }
}

function nameOf({ name }: Section): SectionName {
  return name;
}
