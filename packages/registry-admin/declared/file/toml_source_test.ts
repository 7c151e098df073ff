import assert from "node:assert/strict";
import fc from "fast-check";
import { parse, stringify } from "smol-toml";
import { type Path, TomlSource } from "./toml_source.ts";

const DOCUMENT = String.raw`# [not.a.table]
top = "a # b \" [x]" # a comment
"dotted"."k\u0065y".last = 1
long = """
[issuers.fake]
quotes "" and \""" and five"""""
literal = '''
x = 1
''''
date = 1979-05-27 07:32:00Z

  [ issuers . "b.c" ]
list = [ "a", [1, 2], # ]
  { x = 1, y.z = '}' } ]
inline = { a = { b = "," }, c = [] }
[[issuers."b.c".keys]]
kid = 'first'
[[issuers."b.c".keys]]
kid = 'second'
[issuers."b.c".keys.inner]
deep = true
`;

/** What the text says at the member's place, up to the end of a word. */
function at(text: string, path: Path): string {
  const { line, column } = new TomlSource(text).position(path);
  return text.split("\n")[line - 1]?.slice(column - 1) ?? "";
}

for (
  const [path, expected] of [
    [["top"], /^top = /],
    [["dotted", "key"], /^"dotted"\."k/],
    [["dotted", "key", "last"], /^"dotted"\."k/],
    [["long"], /^long = /],
    [["literal"], /^literal = /],
    [["date"], /^date = /],
    [["issuers"], /^\[ issuers/],
    [["issuers", "b.c"], /^\[ issuers \. "b\.c" \]/],
    [["issuers", "b.c", "list"], /^list = /],
    [["issuers", "b.c", "list", 0], /^"a"/],
    [["issuers", "b.c", "list", 1, 1], /^2\]/],
    [["issuers", "b.c", "list", 2], /^\{ x = 1/],
    [["issuers", "b.c", "list", 2, "y", "z"], /^y\.z = /],
    [["issuers", "b.c", "inline", "a", "b"], /^b = ","/],
    [["issuers", "b.c", "inline", "c"], /^c = \[\]/],
    [["issuers", "b.c", "keys", 0], /^\[\[issuers/],
    [["issuers", "b.c", "keys", 0, "kid"], /^kid = 'first'/],
    [["issuers", "b.c", "keys", 1, "kid"], /^kid = 'second'/],
    [["issuers", "b.c", "keys", 1, "inner", "deep"], /^deep = /],
  ] as const
) {
  Deno.test(`TomlSource finds ${path.join(".")}`, () => {
    assert.match(at(DOCUMENT, path), expected);
    assert.match(at(`\ufeff${DOCUMENT.replaceAll("\n", "\r\n")}`, path), expected);
  });
}

Deno.test("TomlSource finds the nearest member around one that is not there", () => {
  assert.match(at(DOCUMENT, ["issuers", "b.c", "no", "such"]), /^\[ issuers/);
  assert.deepEqual(new TomlSource(DOCUMENT).position(["none"]), { line: 1, column: 1 });
  assert.deepEqual(new TomlSource("").position([]), { line: 1, column: 1 });
});

const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 6 });
const { table } = fc.letrec((tie) => ({
  table: fc.dictionary(name, fc.oneof({ maxDepth: 3 }, tie("leaf"), tie("table"), tie("tables")), {
    maxKeys: 4,
  }),
  tables: fc.array(tie("table"), { minLength: 1, maxLength: 3 }),
  leaf: fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.integer(),
    fc.boolean(),
    fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }),
    fc.array(fc.string({ unit: fc.constantFrom(..."\"'\\#[]{},=\n a") }), { maxLength: 3 }),
  ),
}));

/** Every member of a document, those of arrays as well. */
function paths(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null || value instanceof Date) return [path];
  const members: [string | number, unknown][] = Array.isArray(value)
    ? value.map((item, index) => [index, item])
    : Object.entries(value);
  return [path, ...members.flatMap(([member, inner]) => paths(inner, [...path, member]))];
}

Deno.test("TomlSource finds every member of any document where it is written", () => {
  fc.assert(
    fc.property(table, (document) => {
      const text = stringify(document);
      const source = new TomlSource(text);
      const lines = text.split("\n");
      for (const path of paths(parse(text)).filter(({ length }) => length > 0)) {
        const member = path.at(-1);
        const { line, column } = source.position(path);
        const found = lines[line - 1]?.slice(column - 1) ?? "";
        if (typeof member !== "string") continue;
        // In front of "=", or at the end of a header.
        const [key = ""] = /^\[[^]*\]$/.exec(found) ??
          /^(?:[\w-]+|"(?:[^"\\]|\\.)*"|'[^']*')/.exec(found) ?? [];
        const header = key.replace(/^\[+|\]+$/g, "");
        const written = Object.keys(flat(parse(`${header} = 1`)));
        assert(
          written.some((each) => JSON.parse(each).includes(member)),
          `${JSON.stringify(path)} in\n${text}`,
        );
      }
    }),
    { numRuns: 300 },
  );
});

/** The paths of the leaves, as JSON. */
function flat(value: unknown): Record<string, true> {
  return Object.fromEntries(paths(value).map((path) => [JSON.stringify(path), true]));
}
