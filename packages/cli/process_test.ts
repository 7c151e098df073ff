import assert from "node:assert/strict";
import { join } from "node:path";
import { command, MAIN, readUntil, run } from "./fixtures/process.ts";

Deno.test("countersign exits with 0, 1 and 2, with one line and no stack trace", async () => {
  const folder = await Deno.makeTempDir();
  const done = await run(["--version"]);
  assert.deepEqual([done.code, done.stderr], [0, ""]);

  const claims = ["--issuer", "a", "--claims", '{"sub":"job-1"}'];
  const failed = await run(["mint", "--private-key", join(folder, "missing.key"), ...claims]);
  assert.deepEqual([failed.code, failed.stdout], [1, ""]);
  assert.match(
    failed.stderr,
    /^error: Cannot read a private key from [^\n]* no such file or folder \(failed\)\n$/,
  );

  const wrong = await run(["mint"]);
  assert.deepEqual([wrong.code, wrong.stdout], [2, ""]);
  assert.match(wrong.stderr, /^error: Required option [^\n]*\n$/);
  await Deno.remove(folder);
});

Deno.test("countersign keygen makes a private file whatever the umask is", async () => {
  const folder = await Deno.makeTempDir();
  const shell = new Deno.Command("sh", {
    args: ["-c", 'umask 0; exec "$@"', "sh", Deno.execPath(), "run", "-A", MAIN, "keygen"]
      .concat(["--issuer", "billing", "--out", folder]),
    stdout: "null",
    stderr: "null",
  });
  assert.equal((await shell.output()).code, 0);
  assert.equal((Deno.statSync(join(folder, "billing.key")).mode ?? 0) & 0o777, 0o600);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("countersign mint reads the key from a pipe", async () => {
  const folder = await Deno.makeTempDir();
  await run(["keygen", "--issuer", "billing", "--out", folder, "--algorithm", "EdDSA"]);
  const args = ["mint", "--private-key", "-", "--issuer", "billing", "--claims", '{"sub":"job-1"}'];
  await using child = command(args, { stdin: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(await Deno.readFile(join(folder, "billing.key")));
  await writer.close();
  const { code, stdout } = await child.output();
  assert.equal(code, 0);
  assert.match(new TextDecoder().decode(stdout), /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("countersign dev prints what to export, serve uses it, and both end on a signal", async () => {
  await using dev = command(["dev"]).spawn();
  const exported = await readUntil(dev.stdout, /# issuers write to .*\n/);
  const env = Object.fromEntries(
    Array.from(exported.matchAll(/^export (\w+)='([^']*)'$/gm), ([, name, value]) => [name, value]),
  );

  const listing = await command(["list"], { env }).output();
  assert.match(new TextDecoder().decode(listing.stdout), /^no issuers on 127\.0\.0\.1:\d+ yet/);

  const doctor = await command(["doctor"], { env }).output();
  assert.match(
    new TextDecoder().decode(doctor.stdout),
    /\nproblems: 0, warnings: 2, not checked: 0\n$/,
  );
  assert.equal(doctor.code, 0);
  const elsewhere = await command(["doctor", "--target", "http://127.0.0.1:9"]).output();
  assert.match(
    new TextDecoder().decode(elsewhere.stdout),
    /^problem +function +no connection to 127/,
  );
  assert.deepEqual([elsewhere.code, elsewhere.stderr.length], [1, 0]);

  const serving = { ...env, COUNTERSIGN_DB_URL: env.COUNTERSIGN_ADMIN_DB_URL, PORT: "0" };
  await using serve = command(["serve"], { env: serving }).spawn();
  const url = /http:\S+/.exec(await readUntil(serve.stdout, /listening on .*\n/))?.[0];
  const response = await fetch(`${url}/rest/widgets`);
  assert.equal(response.status, 401);
  assert.equal((await response.json()).code, "token_missing");
  serve.kill("SIGTERM");
  assert.equal((await serve.status).code, 0);

  dev.kill("SIGINT");
  assert.equal((await dev.status).code, 0);
  await assert.rejects(fetch(env.SUPABASE_URL), TypeError);
});

Deno.test("countersign serve names every variable that is missing", async () => {
  const { code, stdout, stderr } = await run(["serve"]);
  assert.deepEqual([code, stdout], [2, ""]);
  for (const name of ["SUPABASE_URL", "COUNTERSIGN_JWT_SECRET"]) {
    assert(stderr.includes(name), stderr);
  }
});

Deno.test("countersign ends quietly when nobody reads what it writes", async () => {
  const { code, stderr } = await new Deno.Command("bash", {
    args: ["-c", `set -o pipefail; "$@" --help | true; exit $?`, "sh", Deno.execPath()]
      .concat("run", "-A", MAIN),
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  assert.equal(new TextDecoder().decode(stderr), "");
  assert.ok(code === 0 || code === 1);
});
