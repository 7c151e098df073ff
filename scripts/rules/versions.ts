/**
 * One version for all packages, with an entry in the changelog; a fixture that is never published; one version of
 * each third-party package; and a function whose `deno.json` maps everything that it reaches.
 *
 * Cannot see: whether the version fits what changed (semantic versioning is a judgement).
 */
import { allPackages, packages } from "./packages.ts";

export function versionRule(): string[] {
  const broken: string[] = [];
  const versions = new Set(allPackages.map(({ config }) => config.version));
  if (versions.size !== 1) {
    broken.push(
      `packages differ in version: ${[...versions].join(", ")}`,
    );
  }
  if (packages.some(({ name }) => name === "fixture")) {
    broken.push('packages/fixture/deno.json does not say "publish": false');
  }
  const [version] = versions;
  if (!Deno.readTextFileSync("CHANGELOG.md").includes(`## ${version}`)) {
    broken.push(`CHANGELOG.md has no entry "## ${version}"`);
  }

  if (!Deno.readTextFileSync("packages/swap-proxy/version.ts").includes(`"${version}"`)) {
    broken.push(`packages/swap-proxy/version.ts does not say "${version}"`);
  }

  const seen = new Map<string, string>();
  const third = (from: string, imports: Record<string, string> = {}) => {
    for (const [name, specifier] of Object.entries(imports)) {
      if (!specifier.startsWith("npm:")) continue;
      if (!/@\d+\.\d+\.\d+[\w.-]*$/.test(specifier)) {
        broken.push(`${from} maps "${name}" to "${specifier}"; expected an exact version`);
      }
      const before = seen.get(name) ?? specifier;
      if (before !== specifier) {
        broken.push(`${from} maps "${name}" to ${specifier}, another file to ${before}`);
      }
      seen.set(name, before);
    }
  };
  for (const { folder, config } of allPackages) third(folder, config.imports);
  third("deno.json", JSON.parse(Deno.readTextFileSync("deno.json")).imports);

  const map = JSON.parse(Deno.readTextFileSync("functions/rest/deno.json")).imports as Record<
    string,
    string
  >;
  third("functions/rest", map);
  for (const reached of ["swap-proxy", "verifier", "postgres"]) {
    const { config, folder } = packages.find(({ name }) => name === reached)!;
    if (map[config.name] !== `../../${folder}/mod.ts`) {
      broken.push(
        `functions/rest/deno.json does not map "${config.name}"; deploying follows only what it maps`,
      );
    }
    for (const name of Object.keys(config.imports ?? {})) {
      if (!(name in map)) {
        broken.push(`functions/rest/deno.json does not map "${name}", which ${reached} imports`);
      }
    }
  }
  return broken;
}
