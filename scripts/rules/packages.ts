/** The published packages, as their `deno.json` describes them. */

export interface PackageConfig {
  name: string;
  version: string;
  exports?: string | Record<string, string>;
  imports?: Record<string, string>;
}

export interface Package {
  /** The folder's name, `signer`. */
  name: string;
  /** The folder's path from the top, `packages/signer`. */
  folder: string;
  config: PackageConfig;
}

export const packages: readonly Package[] = Array.from(Deno.readDirSync("packages"))
  .filter((entry) => entry.isDirectory)
  .map(({ name }) => ({
    name,
    folder: `packages/${name}`,
    config: JSON.parse(Deno.readTextFileSync(`packages/${name}/deno.json`)) as PackageConfig,
  }))
  .sort((a, b) => a.name.localeCompare(b.name));
