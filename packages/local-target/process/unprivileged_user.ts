import { LocalTargetError } from "../errors.ts";

/** The user and group that a program runs as; empty: those of this program. */
export interface UserIds {
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * Who Postgres runs as: it refuses to run as root.
 *
 * As root that is `nobody`, which every Unix has, so that no user is created on somebody's machine.
 *
 * @param uid Who this program runs as.
 * @param name Whom to become as root.
 * @throws {LocalTargetError} `no_unprivileged_user`.
 */
export async function unprivilegedUser(
  uid: number | null = Deno.uid(),
  name: string = "nobody",
): Promise<UserIds> {
  if (uid !== 0) return {};
  return { uid: await idOf("-u", name), gid: await idOf("-g", name) };
}

/** Makes the user the owner of a file or directory. */
export async function give(path: string, { uid, gid }: UserIds): Promise<void> {
  if (uid !== undefined && gid !== undefined) await Deno.chown(path, uid, gid);
}

async function idOf(flag: "-u" | "-g", name: string): Promise<number> {
  const { success, stdout } = await new Deno.Command("id", {
    args: [flag, name],
    stderr: "null",
  }).output();
  const id = Number.parseInt(new TextDecoder().decode(stdout), 10);
  if (!success || !(id > 0)) {
    throw new LocalTargetError(
      "no_unprivileged_user",
      `Postgres does not run as root and this machine has no user "${name}": run as an ordinary user`,
    );
  }
  return id;
}
