/**
 * Who may import whom, that only tests, benches and scripts import the fixture, and that nothing in the module
 * graph comes from JSR.
 *
 * Cannot see: an import whose specifier is computed at run time.
 */
import { isTest, resolved, specifiersIn } from "./specifiers.ts";
import { trackedFiles } from "./tracked_files.ts";

const MAY_IMPORT: Record<string, readonly string[]> = {
  "packages/signer": [],
  "packages/verifier": [],
  "packages/postgres": [],
  "packages/swap-proxy": ["verifier", "postgres"],
  "packages/registry-admin": ["verifier", "postgres"],
  "packages/local-target": ["registry-admin", "swap-proxy"],
  "packages/cli": [
    "signer",
    "verifier",
    "postgres",
    "swap-proxy",
    "registry-admin",
    "local-target",
  ],
  "functions/rest": ["swap-proxy"],
  "packages/fixture": [
    "signer",
    "verifier",
    "postgres",
    "swap-proxy",
    "registry-admin",
    "local-target",
  ],
};

/** Places whose tests and fixtures are their own: what others need stands in the fixture. */
const PLACES = [...Object.keys(MAY_IMPORT), "scripts", "supabase"];

export async function importRule(): Promise<string[]> {
  const broken: string[] = [];
  for (const file of await trackedFiles()) {
    if (!file.endsWith(".ts")) continue;
    const place = PLACES.find((folder) => file.startsWith(`${folder}/`));
    const home = place !== undefined && place in MAY_IMPORT ? place : undefined;

    for (const specifier of specifiersIn(file)) {
      if (/^(jsr:|https?:)/.test(specifier)) {
        broken.push(`${file} imports "${specifier}"; the graph holds only npm: and node:`);
      }
      const target = specifier.startsWith("../") ? resolved(specifier, file) : undefined;
      const leaves = place !== undefined && target !== undefined &&
        !target.startsWith(`${place}/`);
      if (leaves && /\/(tests|fixtures?)\//.test(target)) {
        broken.push(`${file} reaches into the tests of another place: "${specifier}"`);
      }
      if (home === undefined || isTest(file)) continue;
      const sibling = /^@countersign\/([\w-]+)/.exec(specifier)?.[1];
      if (sibling !== undefined && !MAY_IMPORT[home]!.includes(sibling)) {
        broken.push(`${file} imports @countersign/${sibling}, which ${home} may not`);
      }
      if (leaves) broken.push(`${file} reaches out of its package: "${specifier}"`);
    }
  }
  return broken;
}
