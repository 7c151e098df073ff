import { until } from "@countersign/fixture";
import assert from "node:assert/strict";
import { command, MAIN, readUntil, run } from "../fixtures/process.ts";

/** Milliseconds: long enough for a machine that does much else. */
const PATIENCE = 60_000;

/** A temporary folder of a target's own, which has to be empty afterwards. */
async function inFolder(test: (env: { TMPDIR: string }) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  await Deno.chmod(folder, 0o755);
  await test({ TMPDIR: folder });
  const names = () => Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  await until("every file is gone", async () => (await names()).length === 0, PATIENCE);
  await Deno.remove(folder);
}

async function hasStarted(folder: string): Promise<boolean> {
  return (await Array.fromAsync(Deno.readDir(folder))).length > 0;
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.test(`countersign dev answers ${signal} during its start at once, and leaves nothing`, () =>
    inFolder(async (env) => {
      const dev = command(["dev"], { env }).spawn();
      await until("the start has begun", () => hasStarted(env.TMPDIR), PATIENCE);
      const asked = performance.now();
      dev.kill(signal);
      const { code, stdout, stderr } = await dev.output();
      assert.ok(performance.now() - asked < 5_000);
      assert.deepEqual([code, stdout.length], [1, 0]);
      assert.match(
        new TextDecoder().decode(stderr),
        /^error: The start was aborted \(aborted\)\n$/,
      );
    }));
}

Deno.test("countersign dev ends with the npx that started it, however that dies", () =>
  inFolder(async (env) => {
    // npx is a shell's parent, and the shell ours; killed, it passes nothing on.
    const npx = new Deno.Command("bash", {
      args: ["-c", `exec -a "npm exec countersign dev" bash -c '"$@"; exit' sh "$@"`, "sh"]
        .concat(Deno.execPath(), "run", "-A", MAIN, "dev"),
      env: { ...env, npm_execpath: "/usr/lib/node_modules/npm/bin/npm-cli.js" },
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const exported = await readUntil(npx.stdout, /# issuers write to .*\n/);
    const url = /SUPABASE_URL='([^']*)'/.exec(exported)?.[1] ?? "";
    npx.kill("SIGKILL");
    await npx.status;
    await until("the target is gone", () => fetch(url).then(() => false, () => true), PATIENCE);
  }));

Deno.test("countersign dev says in a line why it cannot start", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const taken = await run(["dev", "--port", String(listener.addr.port)]);
  listener.close();
  assert.deepEqual([taken.code, taken.stdout], [1, ""]);
  assert.match(
    taken.stderr,
    /^error: Cannot listen on port \d+ of 127\.0\.0\.1: the port is in use/,
  );
  assert.match(taken.stderr, / \(port_unavailable\)\n$/);

  const homeless = await run(["dev"], { env: { TMPDIR: "/nowhere" } });
  assert.deepEqual([homeless.code, homeless.stdout], [1, ""]);
  assert.match(
    homeless.stderr,
    /^error: Cannot create a folder in "\/nowhere": set TMPDIR [^\n]*\n$/,
  );
});

Deno.test("countersign dev works behind HTTP_PROXY, and so do commands that use it", () =>
  inFolder(async (env) => {
    const proxy = { HTTP_PROXY: "http://127.0.0.1:9", HTTPS_PROXY: "http://127.0.0.1:9" };
    const dev = command(["dev", "--json"], { env: { ...env, ...proxy } }).spawn();
    const variables = JSON.parse(await readUntil(dev.stdout, /\n/));
    const listing = await run(["list"], { env: { ...variables, ...proxy } });
    assert.match(listing.stdout, /^no issuers on 127\.0\.0\.1:\d+ yet/);
    dev.kill("SIGINT");
    assert.equal((await dev.status).code, 0);
    await dev.stderr.cancel();
  }));
