/**
 * Who may import whom, and that nothing in the module graph comes from JSR.
 *
 * Cannot see: an import whose specifier is computed at run time.
 */
import { trackedFiles } from "./tracked_files.ts";

const MAY_IMPORT: Record<string, readonly string[]> = {
  "packages/signer": [],
  "packages/verifier": [],
  "packages/swap-proxy": ["verifier"],
  "packages/registry-admin": ["verifier"],
  "packages/local-target": ["registry-admin", "swap-proxy"],
  "packages/cli": ["signer", "verifier", "swap-proxy", "registry-admin", "local-target"],
  "functions/rest": ["swap-proxy"],
};

const SPECIFIER =
  /(?:^|[^.\w])(?:import|export)\b[^"';]*?\bfrom\s*["']([^"']+)["']|(?:^|[^.\w])import\s*\(?\s*["']([^"']+)["']/g;

export async function importRule(): Promise<string[]> {
  const broken: string[] = [];
  for (const file of await trackedFiles()) {
    if (!file.endsWith(".ts")) continue;
    const source = Deno.readTextFileSync(file).replace(/\/\*[\s\S]*?\*\//g, "").replace(
      /^\s*\/\/.*$/gm,
      "",
    );
    const home = Object.keys(MAY_IMPORT).find((folder) => file.startsWith(`${folder}/`));
    const isTest = /_(test|bench)\.ts$|\/(tests?|fixtures)\//.test(file);

    for (const match of source.matchAll(SPECIFIER)) {
      const specifier = match[1] ?? match[2] ?? "";
      if (/^(jsr:|https?:)/.test(specifier)) {
        broken.push(`${file} imports "${specifier}"; the graph holds only npm: and node:`);
      }
      if (home === undefined || isTest) continue;
      const sibling = /^@countersign\/([\w-]+)/.exec(specifier)?.[1];
      if (sibling !== undefined && !MAY_IMPORT[home]!.includes(sibling)) {
        broken.push(`${file} imports @countersign/${sibling}, which ${home} may not`);
      }
      if (specifier.startsWith("../")) {
        const target = new URL(specifier, `file:///${file}`).pathname.slice(1);
        if (!target.startsWith(`${home}/`)) {
          broken.push(`${file} reaches out of its package: "${specifier}"`);
        }
      }
    }
  }
  return broken;
}
