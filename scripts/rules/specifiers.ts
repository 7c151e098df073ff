/** What a TypeScript file imports, and where a relative specifier leads. */

const SPECIFIER =
  /(?:^|[^.\w])(?:import|export)\b[^"';]*?\bfrom\s*["']([^"']+)["']|(?:^|[^.\w])import\s*\(?\s*["']([^"']+)["']/g;

/** The specifiers of a file, those in comments left out. */
export function specifiersIn(file: string): string[] {
  const source = Deno.readTextFileSync(file)
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/^\s*\/\/.*$/gm, "");
  return Array.from(source.matchAll(SPECIFIER), (match) => match[1] ?? match[2] ?? "");
}

/** The file that a relative specifier names. */
export function resolved(specifier: string, file: string): string {
  return new URL(specifier, `file:///${file}`).pathname.slice(1);
}

/** Whether a file is a test, or serves only tests. */
export function isTest(file: string): boolean {
  return /_(test|bench)\.ts$|\/(tests|fixtures)\/|\/testing\.ts$/.test(file);
}
