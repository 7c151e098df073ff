/**
 * Every environment variable and every header of the product has an entry in the reference.
 *
 * Cannot see: whether an entry is true, and a name that is put together at run time.
 */
import { isTest } from "./specifiers.ts";
import { trackedFiles } from "./tracked_files.ts";

const VARIABLES = ["docs/reference/configuration.md", "docs/reference/cli.md"];
const HEADERS = "docs/reference/headers.md";

export async function referenceRule(): Promise<string[]> {
  const variables = VARIABLES.map((file) => Deno.readTextFileSync(file)).join("\n");
  const headers = Deno.readTextFileSync(HEADERS).toLowerCase();
  const broken: string[] = [];
  let lists = 0;
  for (const file of await trackedFiles()) {
    if (!/^(packages|functions)\/.*\.ts$/.test(file) || isTest(file)) continue;
    const source = Deno.readTextFileSync(file);
    for (const name of variablesOf(source)) {
      if (!variables.includes(`\`${name}\``)) {
        broken.push(`${file} reads "${name}", which ${VARIABLES.join(" and ")} do not list`);
      }
    }
    if (!file.startsWith("packages/swap-proxy/")) continue;
    const names = headersOf(source);
    if (names.length > 0) lists++;
    for (const name of names) {
      if (!headers.includes(`\`${name}\``)) {
        broken.push(`${file} passes "${name}", which ${HEADERS} does not list`);
      }
    }
  }
  if (lists === 0) broken.push("packages/swap-proxy has no list of headers to compare with");
  return broken;
}

/** The variables that a source names as text or as members of an environment. */
export function variablesOf(source: string): string[] {
  const found = source.matchAll(
    /(?:["'`]|\benv\.)((?:COUNTERSIGN|SUPABASE)_[A-Z][A-Z0-9_]*|JWT_SECRET)\b/g,
  );
  return [...new Set([...found].map(([, name]) => name!))];
}

/** The headers that a source lists in constants called `…_HEADERS` or `…_HEADER`. */
export function headersOf(source: string): string[] {
  const constants = source.matchAll(/\bconst \w*_HEADERS?\b[^=]*=\s*(?:\[([^\]]*)\]|("[^"]*"))/g);
  return [...constants].flatMap(([, list = "", one = ""]) =>
    [...(list + one).matchAll(/"([a-z0-9-]+)"/g)].map(([, name]) => name!)
  );
}
