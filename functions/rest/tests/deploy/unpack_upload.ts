/** Unpacks the files that `supabase functions deploy --use-api` uploads. */
import { dirname, join } from "node:path";

/** Each part of a path starts with a letter, a digit or `_`: no `..`, no `/` in front, no dotfile. */
const SAFE_NAME = /^\w[\w.@-]*(\/\w[\w.@-]*)*$/;

/**
 * Writes the parts named `file` into `folder`, where there must be none of them yet.
 *
 * @returns The size of each file, in bytes, by its name.
 */
export async function unpackUpload(
  parts: FormData,
  folder: string,
): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  for (const file of parts.getAll("file")) {
    if (!(file instanceof File)) {
      throw new TypeError('Expected every part named "file" to be a file');
    }
    if (!SAFE_NAME.test(file.name)) {
      throw new TypeError(
        `Unsafe name "${file.name}": expected a path below the project, no dotfile`,
      );
    }
    const path = join(folder, file.name);
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeFile(path, await file.bytes(), { createNew: true });
    sizes.set(file.name, file.size);
  }
  return sizes;
}
