/** What the Supabase CLI uploads of this repository, and that it runs with nothing else. */
import { startLocalTarget } from "@countersign/local-target";
import { registerPublicKey } from "@countersign/registry-admin";
import { createTokenSource, generateIssuerKeyPair } from "@countersign/signer";
import { createClient } from "@supabase/supabase-js";
import assert from "node:assert/strict";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { deno214, deployedInto, openStage, SCHEMA } from "@countersign/fixture/stage";
import { SCENARIOS } from "../scenarios/all_scenarios.ts";
import { deployFunction } from "./deploy_function.ts";

const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));
const ENTRYPOINT = "functions/rest/index.ts";
const IMPORT_MAP = "functions/rest/deno.json";

/** What must stay at home, next to what is uploaded. */
const PLANTED = [
  "functions/rest/.env",
  "functions/rest/signing-key.json",
  "packages/swap-proxy/.env.local",
  "supabase/.env",
];

/** A copy of what a checkout has, so that the CLI leaves nothing in the real one. */
async function checkout(into: string): Promise<void> {
  const copy = async (path: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(join(ROOT, path))) {
      if (name === "node_modules" || name.startsWith(".")) continue;
      if (isDirectory) await copy(join(path, name));
      else {
        await Deno.mkdir(join(into, path), { recursive: true });
        await Deno.copyFile(join(ROOT, path, name), join(into, path, name));
      }
    }
  };
  for (const folder of ["functions", "packages", "supabase"]) await copy(folder);
  for (const path of PLANTED) {
    await Deno.mkdir(join(into, dirname(path)), { recursive: true });
    await Deno.writeTextFile(join(into, path), "COUNTERSIGN_JWT_SECRET=planted");
  }
}

/** The modules of ours that the function reaches, according to Deno. */
async function reachedModules(): Promise<string[]> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", ENTRYPOINT],
    cwd: ROOT,
  }).output();
  assert.ok(success);
  const { modules }: { modules: { local?: string }[] } = JSON.parse(
    new TextDecoder().decode(stdout),
  );
  return modules.flatMap(({ local }) => {
    const path = local === undefined ? ".." : relative(ROOT, local);
    return path.startsWith("..") || path.startsWith("node_modules") ? [] : [path];
  });
}

Deno.test("functions/rest, as the Supabase CLI uploads it", async (t) => {
  await using temporary = new AsyncDisposableStack();
  const emptyFolder = async () =>
    temporary.adopt(
      await Deno.makeTempDir(),
      (folder) => Deno.remove(folder, { recursive: true }),
    );
  const project = await emptyFolder();
  const uploaded = await emptyFolder();
  await checkout(project);
  const { settings, files } = await deployFunction(project, uploaded);

  await t.step("the platform is told not to verify tokens itself", () => {
    assert.deepEqual(settings, {
      name: "rest",
      entrypoint_path: ENTRYPOINT,
      import_map_path: IMPORT_MAP,
      static_patterns: [],
      verify_jwt: false,
    });
  });

  await t.step("exactly the modules reached: no test, no secret, no lock file", async () => {
    assert.deepEqual([...files.keys()].sort(), [IMPORT_MAP, ...await reachedModules()].sort());
    for (const name of files.keys()) {
      assert.equal(
        await Deno.readTextFile(join(uploaded, name)),
        await Deno.readTextFile(join(ROOT, name)),
      );
    }
  });

  await t.step("less than a megabyte", () => {
    const size = [...files.values()].reduce((sum, bytes) => sum + bytes, 0);
    console.log(`uploaded ${files.size} files, ${size} bytes`);
    assert.ok(size < 1_000_000);
  });

  await t.step("supabase-js writes through the gateway to it, on Deno 2.1.4", async () => {
    await using target = await startLocalTarget({
      sql: [SCHEMA],
      function: {
        entrypoint: join(uploaded, ENTRYPOINT),
        importMap: join(uploaded, IMPORT_MAP),
        denoPath: await deno214(),
      },
    });
    const { privateKey, publicKey } = await generateIssuerKeyPair();
    await registerPublicKey({
      databaseUrl: target.databaseUrl,
      issuer: "warehouse",
      publicKey,
      roles: ["widgets_writer"],
    });
    const clientOf = (issuer: string) =>
      createClient(target.functionsUrl, target.publishableKey, {
        accessToken: createTokenSource({
          privateKey,
          issuer,
          audience: target.url,
          claims: { sub: "press-1", role: "widgets_writer" },
        }),
      });
    const write = (issuer: string) =>
      clientOf(issuer).from("widgets").insert({ name: "a" }).select("name, owner_issuer");
    const refused = await write("nobody");
    assert.equal(refused.status, 401);
    const { status, data } = await write("warehouse");
    assert.equal(status, 201);
    assert.deepEqual(data, [{ name: "a", owner_issuer: "warehouse" }]);
  });

  await t.step("every scenario, on Deno 2.1.4", async (t) => {
    await using stage = await openStage(deployedInto(uploaded));
    for (const { name, run } of SCENARIOS) await t.step(name, () => run(stage));
  });
});
