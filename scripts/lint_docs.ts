/**
 * Lints the documentation of everything that a package exports.
 *
 * Cannot see: whether a docstring is true, or whether an example asserts anything. `deno task test` runs
 * the examples.
 */
import { packages } from "./rules/packages.ts";

const entryPoints = packages.flatMap(({ folder, config }) => {
  const exports = config.exports ?? "./mod.ts";
  const files = typeof exports === "string" ? [exports] : Object.values(exports);
  return files.map((file) => `${folder}/${file.replace("./", "")}`);
});
const { code } = await new Deno.Command(Deno.execPath(), {
  args: ["doc", "--lint", ...entryPoints],
}).spawn().status;
Deno.exit(code);
