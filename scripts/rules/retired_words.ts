/**
 * The words that documents and messages don't use, because a plainer one says the same.
 *
 * Cannot see: comments and docstrings, the text of SQL, and English that is wrong without one of these words.
 */
import { trackedFiles } from "./tracked_files.ts";

/** A retired word, and what to write instead. */
const RETIRED: readonly (readonly [word: RegExp, better: string])[] = [
  [/\bmend(s|ed|ing)?\b/i, "fix"],
  [/\banew\b/i, "again"],
  [/\bwell again\b/i, "recovered"],
  [/\bout of sight\b/i, "unreachable"],
  [/\bwhoever\b/i, "anyone who"],
  [/\bnobody\b/i, "no one, or the role that cannot"],
  [/\bof (its|their|our) own\b/i, "separate, or its own …"],
  [/\bas it (is|was|came)\b/i, "unchanged"],
  [/\btime-out\b/i, "timeout"],
  [/\bwent wrong that should not\b/i, "internal error"],
];

/** The operating system's user, the demo's unknown issuer, and names in tests. */
const NAMES = /["'`]nobody["'`]/g;

/** Generated from SQL, whose text is not checked. */
const GENERATED = "packages/registry-admin/database/migrations.ts";

const STRING = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g;

export async function retiredWordRule(): Promise<string[]> {
  const broken: string[] = [];
  for (const file of await trackedFiles()) {
    const read = file.endsWith(".md") ? prose : isProduct(file) ? messages : undefined;
    if (read === undefined) continue;
    for (const { word, better } of retiredWords(read(Deno.readTextFileSync(file)))) {
      broken.push(`${file} says "${word}"; expected "${better}"`);
    }
  }
  return broken;
}

/** The retired words of a text. */
export function retiredWords(text: string): { word: string; better: string }[] {
  const plain = text.replace(NAMES, "").replace(/\s+/g, " ");
  return RETIRED.flatMap(([pattern, better]) => {
    const word = pattern.exec(plain)?.[0];
    return word === undefined ? [] : [{ word, better }];
  });
}

/** What a reader of a document sees, but for its code. */
export function prose(markdown: string): string {
  return markdown.replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, "");
}

/** The strings of a source: messages, help texts, and names among them. */
export function messages(source: string): string {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*(\/\/|--).*$/gm, "");
  return (code.match(STRING) ?? []).join("\n");
}

function isProduct(file: string): boolean {
  return /^(packages|functions)\/.*\.ts$/.test(file) && file !== GENERATED &&
    !/_(test|bench)\.ts$|\/(tests|fixtures?)\//.test(file);
}
