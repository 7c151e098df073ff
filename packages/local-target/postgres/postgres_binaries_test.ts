import assert from "node:assert/strict";
import { join } from "node:path";
import { LocalTargetError } from "../mod.ts";
import { postgresBinaries } from "./postgres_binaries.ts";
import { unprivilegedUser, type UserIds } from "../process/unprivileged_user.ts";

const REPOSITORY = new URL("../../../", import.meta.url).pathname;

const PROGRAM = `
  import { startLocalTarget } from "./packages/local-target/mod.ts";
  await using target = await startLocalTarget({ migrations: false, function: false });
  const response = await fetch(target.restUrl + "/", { headers: { apikey: target.secretKey } });
  console.log(response.status);
`;

/** Copies the repository, as it is installed, and Deno to a folder that everybody may enter. */
async function repositoryCopy(): Promise<string> {
  const directory = await Deno.makeTempDir();
  await Deno.chmod(directory, 0o755);
  // Where npx keeps it, below root's home, an ordinary user can't run it.
  await Deno.copyFile(Deno.execPath(), join(directory, "deno"));
  const entries = ["deno.json", "deno.lock", "packages", "functions", "node_modules"];
  const { success } = await new Deno.Command("cp", {
    args: ["-R", "-P", ...entries.map((entry) => join(REPOSITORY, entry)), directory],
  }).output();
  assert(success);
  return directory;
}

/** Takes away what the install script of the package makes. */
async function removeLibraryLinks(repository: string): Promise<void> {
  const { stdout } = await new Deno.Command("find", {
    args: [
      `${repository}/node_modules/.deno`,
      "-path",
      "*/native/lib/*",
      "-type",
      "l",
      "-print",
      "-delete",
    ],
  }).output();
  assert(new TextDecoder().decode(stdout).includes("native/lib"));
}

/** Starts a target there, with nothing but what is installed. */
async function startsIn(repository: string, user: UserIds): Promise<void> {
  const home = await Deno.makeTempDir();
  if (user.uid !== undefined && user.gid !== undefined) await Deno.chown(home, user.uid, user.gid);
  await Deno.writeTextFile(join(repository, "program.ts"), PROGRAM);
  const { stdout, stderr } = await new Deno.Command(join(repository, "deno"), {
    args: ["run", "--allow-all", "--no-check", "--cached-only", "program.ts"],
    cwd: repository,
    env: { PATH: Deno.env.get("PATH") ?? "", HOME: home },
    clearEnv: true,
    ...user,
  }).output();
  const text = new TextDecoder();
  assert.equal(text.decode(stdout).trim(), "200", text.decode(stderr));
  await Deno.remove(home, { recursive: true });
  await Deno.remove(repository, { recursive: true });
}

Deno.test("postgresBinaries() serves an ordinary user", async () => {
  await startsIn(await repositoryCopy(), await unprivilegedUser());
});

Deno.test("postgresBinaries() serves root from a folder that only root may enter", async () => {
  const repository = await repositoryCopy();
  await new Deno.Command("chmod", { args: ["-R", "go-rwx", repository] }).output();
  await startsIn(repository, {});
});

Deno.test("postgresBinaries() does without the package's install script", async () => {
  const repository = await repositoryCopy();
  await removeLibraryLinks(repository);
  await startsIn(repository, {});
});

Deno.test("postgresBinaries() names a platform that npm has no Postgres for", async () => {
  await assert.rejects(postgresBinaries("/nowhere", {}, undefined, "sunos-sparc"), (error) => {
    assert(error instanceof LocalTargetError);
    assert.equal(error.code, "postgres_unavailable");
    assert.match(error.message, /^No Postgres is packaged for sunos-sparc/);
    return true;
  });
});
