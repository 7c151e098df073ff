import { MIGRATIONS } from "./migrations.ts";

/** An object that the migrations make, and what is known of it from their text. */
export interface SchemaObject {
  /** What it is, in Postgres' words. */
  readonly kind:
    | "schema"
    | "table"
    | "column"
    | "view"
    | "sequence"
    | "index"
    | "function"
    | "trigger";
  /** Its qualified name; a trigger's with the table that it is on. */
  readonly name: string;
  /** The body of a function that is kept as text. */
  readonly body?: string;
  /** Its comment. Objects that Postgres keeps parsed, such as views, have only this to tell versions apart. */
  readonly comment?: string;
}

const NAME = String.raw`[a-z_]\w*(?:\.[a-z_]\w*){0,2}`;
/** What runs once is not looked for: it may make an object or not, depending on where it runs. */
const ANONYMOUS_BLOCK = /^do \$\$[\s\S]*?^end \$\$;/gm;
const FUNCTION = new RegExp(
  String.raw`^create or replace function (${NAME})\([\s\S]*?\n(?:as \$\$([\s\S]*?)\$\$;|return )`,
  "gm",
);
const RELATION = new RegExp(
  String.raw`^create (?:or replace )?(table|view|sequence|schema) (?:if not exists )?(${NAME})`,
  "gm",
);
const INDEX = new RegExp(String.raw`^create index if not exists (\w+) on (\w+)\.`, "gm");
const TRIGGER = new RegExp(String.raw`^create or replace trigger (\w+) .* on (${NAME})$`, "gm");
const COMMENT = new RegExp(
  String.raw`^comment on (\w+) (${NAME})(?:\(.*\))? is\s+'((?:[^']|'')*)';`,
  "gm",
);

/**
 * Reads from the migrations which objects they make, so that there is no second list to keep.
 *
 * It knows their SQL, not SQL: each statement begins at the start of a line, in lower case. A test fails when one is not
 * recognised.
 */
export function schemaObjects(): SchemaObject[] {
  const objects = new Map<string, SchemaObject>();
  const add = (object: SchemaObject) => {
    const key = `${object.kind} ${object.name}`;
    objects.set(key, { ...objects.get(key), ...object });
  };
  for (const { sql } of MIGRATIONS) {
    const text = sql.replace(ANONYMOUS_BLOCK, "");
    for (const [, name = "", body] of text.matchAll(FUNCTION)) {
      add({ kind: "function", name, ...(body === undefined ? {} : { body }) });
    }
    for (const [, kind, name = ""] of text.matchAll(RELATION)) add({ kind: kindOf(kind), name });
    for (const [, name, schema] of text.matchAll(INDEX)) {
      add({ kind: "index", name: `${schema}.${name}` });
    }
    for (const [, name, table] of text.matchAll(TRIGGER)) {
      add({ kind: "trigger", name: `${name} on ${table}` });
    }
    for (const [, kind, name = "", comment = ""] of text.matchAll(COMMENT)) {
      add({ kind: kindOf(kind), name, comment: comment.replaceAll("''", "'") });
    }
  }
  return Array.from(objects.values());
}

const KINDS = ["schema", "table", "column", "view", "sequence", "function"] as const;

function kindOf(word: string | undefined): SchemaObject["kind"] {
  const kind = KINDS.find((name) => name === word);
  if (kind === undefined) {
    throw new TypeError(`Expected a kind of object that is known, found "${word}"`);
  }
  return kind;
}
