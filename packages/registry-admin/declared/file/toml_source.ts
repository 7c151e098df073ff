import { parse } from "smol-toml";

/** A place in a text. */
export interface SourcePosition {
  /** Counted from 1. */
  readonly line: number;
  /** In UTF-16 code units, counted from 1. */
  readonly column: number;
}

/** A member of a document: names, and indices into arrays. */
export type Path = readonly (string | number)[];

/** Deeper than this nothing of ours stands; what does is found under its nearest member. */
const DEEPEST = 8;

/**
 * Where the members of a TOML document stand, which the parser does not say.
 *
 * It knows just enough of TOML to step over values, and relies on the document being valid: the parser has to have taken
 * it before. A member that it does not know has the place of the nearest one around it. Nothing is scanned before somebody asks.
 */
export class TomlSource {
  readonly #text: string;
  #offsets: ReadonlyMap<string, number> | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  /** The line and the column of a member. */
  position(path: Path): SourcePosition {
    const offset = this.#offset(path);
    const before = this.#text.slice(0, offset);
    const line = before.split("\n").length;
    return { line, column: offset - (before.lastIndexOf("\n") + 1) + 1 };
  }

  /** What is written from the member on, at most `length` characters. */
  excerpt(path: Path, length: number): string {
    const offset = this.#offset(path);
    return this.#text.slice(offset, offset + length);
  }

  #offset(path: Path): number {
    this.#offsets ??= new Scanner(this.#text).scan();
    for (let length = path.length; length > 0; length--) {
      const offset = this.#offsets.get(JSON.stringify(path.slice(0, length)));
      if (offset !== undefined) return offset;
    }
    return 0;
  }
}

class Scanner {
  readonly #text: string;
  readonly #offsets = new Map<string, number>();
  /** The last index of each array of tables. */
  readonly #lastIndex = new Map<string, number>();
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  scan(): ReadonlyMap<string, number> {
    let table: Path = [];
    for (;;) {
      this.#skipBlank();
      if (this.#at >= this.#text.length) return this.#offsets;
      if (this.#text[this.#at] === "[") table = this.#header();
      else this.#pair(table);
    }
  }

  #header(): Path {
    const start = this.#at;
    const isArray = this.#text[start + 1] === "[";
    this.#at += isArray ? 2 : 1;
    const names = this.#key();
    this.#at += isArray ? 2 : 1;
    let path: Path = [];
    for (const [index, name] of names.entries()) {
      path = within(path, name);
      const array = JSON.stringify(path);
      const last = this.#lastIndex.get(array);
      if (isArray && index === names.length - 1) {
        this.#note(path, start);
        this.#lastIndex.set(array, (last ?? -1) + 1);
        path = within(path, (last ?? -1) + 1);
      } else if (last !== undefined) {
        path = within(path, last);
      }
      this.#note(path, start);
    }
    return path;
  }

  #pair(table: Path): void {
    const start = this.#at;
    let path = table;
    for (const name of this.#key()) {
      path = within(path, name);
      this.#note(path, start);
    }
    this.#at++; // "="
    this.#skipBlank();
    this.#value(path);
  }

  /** The parts of a dotted key, up to what ends it. */
  #key(): string[] {
    const names: string[] = [];
    for (;;) {
      this.#skipBlank();
      const start = this.#at;
      if (/["']/.test(this.#text[start] ?? "")) {
        this.#skipString();
        names.push(unquoted(this.#text.slice(start, this.#at)));
      } else {
        while (/[\w-]/.test(this.#text[this.#at] ?? "")) this.#at++;
        names.push(this.#text.slice(start, this.#at));
      }
      this.#skipBlank();
      if (this.#text[this.#at] !== ".") return names;
      this.#at++;
    }
  }

  #value(path: Path): void {
    const first = this.#text[this.#at] ?? "";
    if (/["']/.test(first)) this.#skipString();
    else if (first === "[") this.#items("]", (index) => this.#item(within(path, index)));
    else if (first === "{") this.#items("}", () => this.#pair(path));
    else while (/[^,\]}#\n]/.test(this.#text[this.#at] ?? "\n")) this.#at++;
  }

  #item(path: Path): void {
    this.#note(path, this.#at);
    this.#value(path);
  }

  #items(end: string, read: (index: number) => void): void {
    this.#at++;
    for (let index = 0;; index++) {
      this.#skipBlank();
      if (this.#text[this.#at] !== end) read(index);
      this.#skipBlank();
      if (this.#text[this.#at++] !== ",") return;
    }
  }

  #skipString(): void {
    const quote = this.#text[this.#at] ?? "";
    const isLong = this.#text.startsWith(quote.repeat(3), this.#at);
    const mark = isLong ? quote.repeat(3) : quote;
    this.#at += mark.length;
    while (this.#at < this.#text.length && !this.#text.startsWith(mark, this.#at)) {
      this.#at += quote === '"' && this.#text[this.#at] === "\\" ? 2 : 1;
    }
    this.#at += mark.length;
    // Two more quotes may belong to the string.
    while (isLong && this.#text[this.#at] === quote) this.#at++;
  }

  #skipBlank(): void {
    for (;;) {
      const character = this.#text[this.#at] ?? "";
      if (/[\s\ufeff]/.test(character)) this.#at++;
      else if (character === "#") {
        const end = this.#text.indexOf("\n", this.#at);
        this.#at = end < 0 ? this.#text.length : end;
      } else return;
    }
  }

  #note(path: Path, offset: number): void {
    const member = JSON.stringify(path);
    if (!this.#offsets.has(member)) this.#offsets.set(member, offset);
  }
}

function within(path: Path, name: string | number): Path {
  return path.length < DEEPEST ? [...path, name] : path;
}

/** A key's escapes are the parser's business. */
function unquoted(key: string): string {
  const { name } = parse(`name = ${key}`);
  return typeof name === "string" ? name : key;
}
