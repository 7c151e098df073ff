/**
 * A test stands beside the file that it judges, and has its name; or the file is in the list below with the suite
 * that judges it. Files that hold types alone need none.
 *
 * Cannot see: whether a test judges what its file does.
 */
import { trackedFiles } from "./tracked_files.ts";
import { SUITES } from "./suites.ts";

export async function testRule(): Promise<string[]> {
  const files = await trackedFiles();
  const known = new Set(files);
  const untested = files.filter((file) =>
    isProduct(file) && !known.has(file.replace(/\.ts$/, "_test.ts")) && doesSomething(file)
  );
  const isJudgedBy = (entry: string) => (file: string) =>
    file === entry || (entry.endsWith("/") && file.startsWith(entry));

  const entries = Object.entries(SUITES);
  return [
    ...untested.filter((file) => !entries.some(([entry]) => isJudgedBy(entry)(file)))
      .map((file) =>
        `${file}: no test stands beside it, and scripts/rules/suites.ts names no suite that judges it`
      ),
    ...entries.filter(([entry]) => !untested.some(isJudgedBy(entry)))
      .map(([entry]) => `scripts/rules/suites.ts: "${entry}" is needless, or is not there`),
    ...entries.flatMap(([entry, suites]) =>
      suites.filter((suite) =>
        !files.some((file) => file === suite || file.startsWith(`${suite}/`))
      )
        .map((suite) =>
          `scripts/rules/suites.ts: "${suite}", which judges "${entry}", is not there`
        )
    ),
  ];
}

function isProduct(file: string): boolean {
  return /^(packages|functions)\//.test(file) && file.endsWith(".ts") &&
    !/_(test|bench)\.ts$|\/mod\.ts$|\/(tests|fixtures)\/|^packages\/fixture\//.test(file);
}

/** Whether there is more in a file than types. */
function doesSomething(file: string): boolean {
  const code = Deno.readTextFileSync(file).replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/^\s*\/\/.*$/gm, "");
  return /\b(function|class|const|let|await)\b/.test(code);
}
