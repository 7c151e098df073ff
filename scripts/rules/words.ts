/**
 * How docstrings and errors are worded: "Default: 5.", a period behind every summary and tag, `{@linkcode}`; errors
 * without contraction, without period, and with what was "found".
 *
 * Cannot see: whether a sentence is true or plain, nor errors whose text is put together elsewhere.
 */
import { isTest } from "./specifiers.ts";
import { trackedFiles } from "./tracked_files.ts";

const CONTRACTION = /\b(?:[a-z]+n't|it's|that's|there's|what's|[a-z]+'(?:ll|ve|re))\b/i;
const OTHER_DEFAULT = /\bby default\b|\bdefault(?:s? to| is)? (?=[`"\d]|the\b|true\b|false\b)/i;

export async function wordRule(): Promise<string[]> {
  const broken: string[] = [];
  for (const file of await trackedFiles()) {
    if (!/^(packages|functions)\/.*\.ts$/.test(file) || isTest(file)) continue;
    if (file.startsWith("packages/fixture/")) continue;
    const source = Deno.readTextFileSync(file);
    for (const fault of [...docFaults(source), ...errorFaults(source)]) {
      broken.push(`${file}: ${fault}`);
    }
  }
  return broken;
}

/** What is wrong with the docstrings of a file. */
export function docFaults(source: string): string[] {
  const faults: string[] = [];
  for (const [, comment = ""] of source.matchAll(/\/\*\*([\s\S]*?)\*\//g)) {
    if (comment.startsWith("\\n")) continue; // a generated file's, inside a string
    const text = comment.replace(/^[ \t]*\*[ \t]?/gm, "").trim();
    const prose = text.replace(/^@example[\s\S]*?(?=^@(?!example)|(?![\s\S]))/gm, "");
    const [description = "", ...tags] = prose.split(/^(?=@(?:param|returns?|throws)\b)/m);
    const summary = description.split(/\n\s*\n/)[0]?.replace(/^@module\b/m, "").trim() ?? "";
    if (
      summary !== "" && !/^`/.test(summary) && !/^[-|]/m.test(summary) && !/[.:]$/.test(summary)
    ) {
      faults.push(`expected a period behind "${excerpt(summary)}"`);
    }
    for (const tag of tags) {
      const sentence = tag.split(/\n\s*\n/)[0]?.trim() ?? "";
      if (!sentence.endsWith(".")) faults.push(`expected a period behind "${excerpt(sentence)}"`);
    }
    const other = OTHER_DEFAULT.exec(prose.replace(/^\|.*$/gm, ""));
    if (other !== null) faults.push(`expected "Default: …", found "${excerpt(prose)}"`);
    if (/\{@link\s/.test(prose)) faults.push(`expected {@linkcode}, found "${excerpt(prose)}"`);
  }
  return faults;
}

/** What is wrong with the texts that a file's errors are made with. */
export function errorFaults(source: string): string[] {
  const faults: string[] = [];
  for (const match of source.matchAll(/\bnew \w*Error\(/g)) {
    const call = source.slice(match.index, endOfCall(source, match.index + match[0].length));
    for (const [, double, template] of call.matchAll(/"((?:[^"\\\n]|\\.)*)"|`([^`]*)`/g)) {
      const text = double ?? template ?? "";
      if (!text.includes(" ")) continue;
      if (CONTRACTION.test(text)) faults.push(`an error with a contraction: "${text}"`);
      if (/[^.]\.$/.test(text)) faults.push(`an error that ends with a period: "${text}"`);
      if (/, got |\bgot "/.test(text)) faults.push(`an error with "got" for "found": "${text}"`);
    }
  }
  return faults;
}

/** Where the arguments that begin at `start` end; strings are not looked into. */
function endOfCall(source: string, start: number): number {
  let depth = 1;
  for (let at = start; at < source.length; at++) {
    if (source[at] === "(") depth++;
    else if (source[at] === ")" && --depth === 0) return at;
  }
  return source.length;
}

function excerpt(text: string): string {
  const line = text.replace(/\s+/g, " ");
  return line.length > 70 ? `${line.slice(0, 70)}…` : line;
}
