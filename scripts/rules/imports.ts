/**
 * Who may import whom, and that nothing in the module graph comes from JSR.
 *
 * Cannot see: an import whose specifier is computed at run time.
 */
import { isTest, resolved, specifiersIn } from "./specifiers.ts";
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

export async function importRule(): Promise<string[]> {
  const broken: string[] = [];
  for (const file of await trackedFiles()) {
    if (!file.endsWith(".ts")) continue;
    const home = Object.keys(MAY_IMPORT).find((folder) => file.startsWith(`${folder}/`));

    for (const specifier of specifiersIn(file)) {
      if (/^(jsr:|https?:)/.test(specifier)) {
        broken.push(`${file} imports "${specifier}"; the graph holds only npm: and node:`);
      }
      if (home === undefined || isTest(file)) continue;
      const sibling = /^@countersign\/([\w-]+)/.exec(specifier)?.[1];
      if (sibling !== undefined && !MAY_IMPORT[home]!.includes(sibling)) {
        broken.push(`${file} imports @countersign/${sibling}, which ${home} may not`);
      }
      if (specifier.startsWith("../")) {
        if (!resolved(specifier, file).startsWith(`${home}/`)) {
          broken.push(`${file} reaches out of its package: "${specifier}"`);
        }
      }
    }
  }
  return broken;
}
