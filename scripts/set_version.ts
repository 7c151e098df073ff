/**
 * Sets the one version that all packages share: `deno run -A scripts/set_version.ts 0.2.0`.
 *
 * Does not write the changelog; `deno task rules` asks for its entry.
 */
import { allPackages } from "./rules/packages.ts";

const [version = ""] = Deno.args;
if (!/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(version)) {
  console.error(`Expected one argument, a version such as "0.2.0", got "${version}"`);
  Deno.exit(2);
}
for (const { folder } of allPackages) {
  const file = `${folder}/deno.json`;
  const text = Deno.readTextFileSync(file);
  Deno.writeTextFileSync(file, text.replace(/("version": )"[^"]*"/, `$1"${version}"`));
}
const proxy = "packages/swap-proxy/version.ts";
const source = Deno.readTextFileSync(proxy);
Deno.writeTextFileSync(proxy, source.replace(/(VERSION = )"[^"]*"/, `$1"${version}"`));
console.log(`${allPackages.length} packages are at ${version}`);
