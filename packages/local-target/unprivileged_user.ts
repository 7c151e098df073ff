import { LocalTargetError } from "./errors.ts";

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
 * @throws {LocalTargetError} `no_unprivileged_user`
 */
export async function unprivilegedUser(): Promise<UserIds> {
  if (Deno.uid() !== 0) return {};
  return { uid: await idOf("-u"), gid: await idOf("-g") };
}

async function idOf(flag: "-u" | "-g"): Promise<number> {
  const { success, stdout } = await new Deno.Command("id", {
    args: [flag, "nobody"],
    stderr: "null",
  }).output();
  const id = Number.parseInt(new TextDecoder().decode(stdout), 10);
  if (!success || !(id > 0)) {
    throw new LocalTargetError(
      "no_unprivileged_user",
      'Postgres does not run as root and this machine has no user "nobody": run as an ordinary user',
    );
  }
  return id;
}
