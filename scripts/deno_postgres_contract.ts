/**
 * Holds `fromDenoPostgres` to the contract of a key source, and to outliving a restart, with the real
 * deno-postgres. That is on JSR only, so it can't be in the project's graph: it is linked, from checkouts that
 * you name, into a scratch project outside the repository.
 *
 * `deno task test:deno-postgres LIBRARY STD` takes the folders of checkouts of denodrivers/postgres and
 * denoland/std.
 */
import { packages } from "./rules/packages.ts";

/** What deno-postgres imports of the standard library, and what that imports. */
const STD = ["bytes", "crypto", "encoding", "fmt", "internal", "path", "streams"];

const USAGE = "Expected two folders: a checkout of denodrivers/postgres, and one of denoland/std";

const library = await checkout(Deno.args[0], "@db/postgres", "deno.json");
const std = await checkout(Deno.args[1], "@std/bytes", "bytes/deno.json");
console.log(`deno-postgres ${library.version}, @std/bytes ${std.version}`);

const root = await Deno.realPath(new URL("..", import.meta.url));
const { imports } = JSON.parse(await Deno.readTextFile(`${root}/deno.json`));
const scratch = await Deno.makeTempDir({ prefix: "countersign-" });
try {
  await Deno.writeTextFile(
    `${scratch}/deno.json`,
    JSON.stringify({
      links: [
        library.folder,
        ...STD.map((name) => `${std.folder}/${name}`),
        ...packages.map(({ folder }) => `${root}/${folder}`),
      ],
      imports: { postgres: imports.postgres },
      nodeModulesDir: "none",
      lock: false,
    }),
  );
  // The compiler decides here whether the library's pool has the shape that the adapter asks for.
  await Deno.writeTextFile(
    `${scratch}/pool.ts`,
    `import type { DenoPostgresPool } from "@countersign/swap-proxy";
import { Pool } from "@db/postgres";
export const makePool = (url: string, size: number): DenoPostgresPool => new Pool(url, size, true);
`,
  );
  await Deno.copyFile(`${root}/scripts/deno_postgres_suite.ts`, `${scratch}/suite_test.ts`);
  await checkShape();
  // Unchecked, because the library's own sources (0.19.5) don't pass the checks of this TypeScript.
  const { code } = await deno("test", "-A", "--no-check").spawn().status;
  Deno.exitCode = code;
} finally {
  await Deno.remove(scratch, { recursive: true });
}

function deno(...args: string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), { args, cwd: scratch, stdin: "null" });
}

async function checkShape(): Promise<void> {
  const { stdout, stderr } = await deno("check", "pool.ts").output();
  const printed = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  if (printed.includes(`${scratch}/pool.ts`)) {
    throw new TypeError(`The library's pool does not have the shape of the adapter's:\n${printed}`);
  }
}

async function checkout(
  folder: string | undefined,
  expected: string,
  file: string,
): Promise<{ folder: string; version: string }> {
  if (folder === undefined) fail(USAGE);
  try {
    const { name, version } = JSON.parse(await Deno.readTextFile(`${folder}/${file}`));
    if (name !== expected) fail(`${USAGE}; "${folder}" has "${name}" in ${file}`);
    return { folder: await Deno.realPath(folder), version };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    fail(`${USAGE}; "${folder}" has no ${file}`);
  }
}

function fail(message: string): never {
  console.error(message);
  Deno.exit(2);
}
