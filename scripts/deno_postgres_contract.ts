/**
 * Holds `fromDenoPostgres` to the contract of a key source with the real deno-postgres, which is on JSR only
 * and therefore no dependency of ours.
 *
 * `deno task test:deno-postgres LIBRARY STD` takes the folders of checkouts of denodrivers/postgres and
 * denoland/std. The test is put together in a temporary folder, whose import map leads to both and to this
 * repository.
 */
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { packages } from "./rules/packages.ts";

interface Config {
  name: string;
  version?: string;
  exports: string | Record<string, string>;
  imports?: Record<string, string>;
}

const TEST = `
import { Pool } from "@db/postgres";
import { startLocalTarget } from "@countersign/local-target";
import { deactivateIssuer, registerPublicKey, setPolicy } from "@countersign/registry-admin";
import { generateIssuerKeyPair } from "@countersign/signer";
import { fromDenoPostgres, postgresKeySource } from "@countersign/swap-proxy";
import { keySourceContract } from "@countersign/verifier/testing";
import postgres from "postgres";

const target = await startLocalTarget({ function: false });
const { databaseUrl } = target;
const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
Deno.test.afterAll(async () => {
  await sql.end();
  await target.stop();
});

keySourceContract("postgresKeySource() on a deno-postgres pool", () => {
  let ahead = 0;
  const client = fromDenoPostgres(new Pool(databaseUrl, 2, true));
  const source = postgresKeySource(client, { now: () => performance.now() + ahead });
  return {
    source,
    async register(issuer) {
      const { publicKey } = await generateIssuerKeyPair({ algorithm: "ES256" });
      await registerPublicKey({ sql, issuer, publicKey, algorithm: "ES256" });
    },
    change: async (issuer) => void await setPolicy({ sql }, issuer, { maxTokenLifetime: 60 }),
    deactivate: (issuer) => deactivateIssuer({ sql }, issuer),
    settle: () => void (ahead += 5_001),
    async cutOff() {
      await client.end();
      ahead += 5_001;
    },
    async dispose() {
      await source.close();
      await client.end().catch(() => {}); // cutOff() may have ended it
      await sql\`delete from public.jwt_public_keys\`;
      await sql\`delete from public.jwt_issuers\`;
    },
  };
});
`;

const [library, std] = Deno.args.map((folder) => resolve(folder));
if (library === undefined || std === undefined) {
  fail("Expected two folders: a checkout of denodrivers/postgres, and one of denoland/std");
}
const { name, version, imports = {} } = config(library);
if (name !== "@db/postgres") fail(`Expected a checkout of denodrivers/postgres in "${library}"`);

const map: Record<string, string> = { "@db/postgres": url(library, "./mod.ts") };
for (const entry of Deno.readDirSync(std)) {
  if (entry.isDirectory && exists(join(std, entry.name, "deno.json"))) add(join(std, entry.name));
}
for (const needed of Object.keys(imports)) {
  if (!Object.keys(map).some((key) => `${key}/`.startsWith(`${needed}/`))) {
    fail(`Expected a checkout of denoland/std in "${std}": no "${needed}" there`);
  }
}
for (const { folder, config: { imports = {} } } of packages) {
  add(resolve(folder));
  Object.assign(map, imports);
}

const scratch = await Deno.makeTempDir();
try {
  await Deno.writeTextFile(
    join(scratch, "deno.json"),
    JSON.stringify({ imports: map, nodeModulesDir: "none", lock: false }),
  );
  await Deno.writeTextFile(join(scratch, "contract_test.ts"), TEST);
  console.log(`deno-postgres ${version}`);
  // Unchecked, because as files the library's own sources are checked too, and 0.19.5 is not fit for TypeScript 6.
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check"],
    cwd: scratch,
  }).spawn().status;
  Deno.exitCode = code;
} finally {
  await Deno.remove(scratch, { recursive: true });
}

/** Maps everything that the package in a folder exports. */
function add(folder: string): void {
  const { name, exports } = config(folder);
  for (
    const [key, file] of Object.entries(typeof exports === "string" ? { ".": exports } : exports)
  ) {
    map[name + key.slice(1)] = url(folder, file);
  }
}

function config(folder: string): Config {
  const file = join(folder, "deno.json");
  if (!exists(file)) fail(`Expected "${file}" to be there`);
  return JSON.parse(Deno.readTextFileSync(file));
}

function url(folder: string, file: string): string {
  return pathToFileURL(join(folder, file)).href;
}

function exists(file: string): boolean {
  try {
    return Deno.statSync(file).isFile;
  } catch {
    return false;
  }
}

function fail(message: string): never {
  console.error(message);
  Deno.exit(2);
}
