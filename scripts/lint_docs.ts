/**
 * Lints the documentation of everything that a package exports, each package by itself: a type of another
 * package that shows in its API has to be exported by it as well.
 *
 * Cannot see: whether a docstring is true, or whether an example asserts anything. `deno task test` runs
 * the examples.
 */
import { packages } from "./rules/packages.ts";

let clean = true;
for (const { folder, config } of packages) {
  const exports = config.exports ?? "./mod.ts";
  const files = typeof exports === "string" ? [exports] : Object.values(exports);
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--lint", ...files.map((file) => `${folder}/${file.replace("./", "")}`)],
  }).spawn().status;
  clean &&= success;
}
Deno.exit(clean ? 0 : 1);
