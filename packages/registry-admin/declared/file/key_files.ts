import { constants } from "node:fs";
import { open, realpath } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";

/** A public key of 4096 bits takes 800 bytes; this is for whoever points at another file. */
const MOST_BYTES = 16_384;

/**
 * Makes what {@linkcode readDeclaration} needs for `public_key_file`: files below a folder, and no others.
 *
 * A path that leaves the folder, by `..` or by a symbolic link, is refused; so is what is no regular file. A declaration may come from
 * a pull request: it must not be able to have any file of the machine read.
 *
 * @param folder The folder that holds the declaration.
 */
export function keyFilesIn(folder: string): (path: string) => Promise<string> {
  return async (path) => {
    if (isAbsolute(path) || /[\\:\0]/.test(path) || path.split("/").includes("..")) {
      throw new RangeError(
        'Expected a path inside the folder of this file, with "/" between its parts',
      );
    }
    try {
      const root = await realpath(folder);
      const file = await realpath(join(root, path));
      const inside = relative(root, file);
      if (inside === "" || inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
        throw new RangeError("Expected a path inside the folder of this file, also of its links");
      }
      return await read(file);
    } catch (error) {
      if (error instanceof RangeError) throw error;
      throw new RangeError(`Cannot read the key's file: ${reason(error)}`);
    }
  };
}

async function read(file: string): Promise<string> {
  // NONBLOCK, because a named pipe would otherwise never open.
  await using handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  const stat = await handle.stat();
  if (!stat.isFile() || stat.size > MOST_BYTES) {
    throw new RangeError(`Expected the key's file to be a file of at most ${MOST_BYTES} bytes`);
  }
  return await handle.readFile("utf8");
}

function reason(error: unknown): string {
  switch (typeof error === "object" && error !== null ? Reflect.get(error, "code") : undefined) {
    case "ENOENT":
      return "no such file";
    case "EACCES":
      return "permission denied";
    case "ENOTDIR":
      return "a part of the path is not a directory";
    case "ELOOP":
      return "its links lead in a circle";
    default:
      return "the system refused";
  }
}
