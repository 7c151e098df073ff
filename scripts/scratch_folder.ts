import { statfsSync } from "node:fs";

const MEMORY = "/dev/shm";
/** Bytes that a run may take at most: some ten targets of 40 MB at a time, and what they log. */
const NEEDED = 2 * 1024 ** 3;

/**
 * Where tests write what nobody keeps: into memory, if the machine offers that.
 *
 * A Postgres cluster is a thousand small files, and each suite makes its own. On a disk that is two thirds of the
 * processor time of starting one.
 *
 * @returns The folder, or nothing where programs can't run from it or it is small, as in a container by default.
 */
export function scratchFolder(): string | undefined {
  try {
    const { bavail, bsize } = statfsSync(MEMORY);
    const mount = Deno.readTextFileSync("/proc/mounts").split("\n")
      .find((line) => line.split(" ")[1] === MEMORY);
    const options = mount?.split(" ")[3]?.split(",") ?? ["noexec"];
    return bavail * bsize >= NEEDED && !options.includes("noexec") ? MEMORY : undefined;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
