/** The packages, as their `deno.json` describes them. */

export interface PackageConfig {
  name: string;
  version: string;
  exports?: string | Record<string, string>;
  imports?: Record<string, string>;
  /** `false` for a package that is never published. */
  publish?: false | Record<string, unknown>;
}

export interface Package {
  /** The folder's name, `signer`. */
  name: string;
  /** The folder's path from the top, `packages/signer`. */
  folder: string;
  config: PackageConfig;
}

/** Every package, those that are never published included. */
export const allPackages: readonly Package[] = Array.from(Deno.readDirSync("packages"))
  .filter((entry) => entry.isDirectory)
  .map(({ name }) => ({
    name,
    folder: `packages/${name}`,
    config: JSON.parse(Deno.readTextFileSync(`packages/${name}/deno.json`)) as PackageConfig,
  }))
  .sort((a, b) => a.name.localeCompare(b.name));

/** The published packages. */
export const packages: readonly Package[] = allPackages.filter(({ config }) =>
  config.publish !== false
);
