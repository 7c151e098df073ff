import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { keyFileNames, writeKeyPair } from "./key_files.ts";
import { assertFailed, cli, cliJson } from "../fixtures/cli.ts";

for (
  const [issuer, target, expected] of [
    ["billing", undefined, "billing"],
    ["billing", "https://prod-abc123.supabase.co", "billing-prod-abc123"],
    ["billing", "https://prod-abc123.supabase.co/", "billing-prod-abc123"],
    ["billing", "https://PROD-abc123.supabase.co/rest/v1?x", "billing-prod-abc123"],
    ["billing", "https://db.example.com", "billing-db.example.com"],
    ["billing", "https://x.supabase.co.evil.com", "billing-x.supabase.co.evil.com"],
    ["billing", "http://localhost:54321", "billing-localhost-54321"],
    ["billing", "http://127.0.0.1:54321", "billing-127.0.0.1-54321"],
    ["billing", "http://[::1]:54321", "billing-%2D-1-54321"],
    ["https://svc.example.com/a", undefined, "https%3A%2F%2Fsvc.example.com%2Fa"],
    ["../../etc/passwd", undefined, "%2E.%2F..%2Fetc%2Fpasswd"],
    ["..", undefined, "%2E."],
    [".hidden", undefined, "%2Ehidden"],
    ["-rf", undefined, "%2Drf"],
    ["a\\b", undefined, "a%5Cb"],
    ["a\nb\0c", undefined, "a%0Ab%00c"],
    ["a*b?'(c)", undefined, "a%2Ab%3F%27%28c%29"],
    ["größe", undefined, "gr%C3%B6%C3%9Fe"],
  ] as const
) {
  Deno.test(`keyFileNames() calls ${JSON.stringify(issuer)} at ${target} ${expected}`, () => {
    const files = keyFileNames("keys", issuer, target);
    assert.deepEqual(files, {
      privateKeyFile: `keys/${expected}.key`,
      publicKeyFile: `keys/${expected}.pub`,
    });
    assert.equal(dirname(files.privateKeyFile), "keys");
  });
}

for (const issuer of ["", "  ", "\ud800", "x".repeat(256)]) {
  Deno.test(`keyFileNames() refuses ${JSON.stringify(issuer).slice(0, 20)}`, () => {
    assert.throws(() => keyFileNames(".", issuer), { name: "CliError", code: "usage" });
  });
}

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const list = (folder: string) => Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
const mode = (path: string) => (Deno.statSync(path).mode ?? 0) & 0o777;
const PAIR = { privateKey: "private", publicKey: "public" };

for (const present of ["billing.key", "billing.pub"]) {
  Deno.test(`writeKeyPair() touches nothing when ${present} is there`, () =>
    inFolder(async (folder) => {
      Deno.writeTextFileSync(join(folder, present), "precious");
      const files = keyFileNames(folder, "billing");
      await assert.rejects(writeKeyPair(files, PAIR, false), /--force/);
      assert.deepEqual(list(folder), [present]);
      assert.equal(Deno.readTextFileSync(join(folder, present)), "precious");
    }));
}

Deno.test("writeKeyPair() does not follow a link to somewhere else", () =>
  inFolder(async (folder) => {
    const elsewhere = join(folder, "elsewhere");
    Deno.symlinkSync(elsewhere, join(folder, "billing.key"));
    const files = keyFileNames(folder, "billing");
    await assert.rejects(writeKeyPair(files, PAIR, false), /--force/);
    await writeKeyPair(files, PAIR, true);
    assert.deepEqual(list(folder), ["billing.key", "billing.pub"]);
    assert(Deno.lstatSync(files.privateKeyFile).isFile);
  }));

Deno.test("writeKeyPair() replaces nothing when one of the two can't be replaced", () =>
  inFolder(async (folder) => {
    const files = keyFileNames(folder, "billing");
    Deno.writeTextFileSync(files.privateKeyFile, "precious");
    Deno.mkdirSync(files.publicKeyFile);
    await assert.rejects(writeKeyPair(files, PAIR, true), /found a directory/);
    assert.equal(Deno.readTextFileSync(files.privateKeyFile), "precious");
    assert.deepEqual(list(folder), ["billing.key", "billing.pub"]);
  }));

Deno.test("writeKeyPair() makes a private key that is readable by its owner alone", () =>
  inFolder(async (folder) => {
    const files = keyFileNames(join(folder, "new", "keys"), "billing");
    await writeKeyPair(files, PAIR, false);
    assert.equal(mode(files.privateKeyFile), 0o600);
    assert.equal(mode(dirname(files.privateKeyFile)), 0o700);
    assert.equal(Deno.readTextFileSync(files.privateKeyFile), "private");

    Deno.chmodSync(files.privateKeyFile, 0o666);
    await writeKeyPair(files, { privateKey: "newer", publicKey: "newer" }, true);
    assert.equal(mode(files.privateKeyFile), 0o600);
    assert.equal(Deno.readTextFileSync(files.privateKeyFile), "newer");
    assert.deepEqual(list(dirname(files.privateKeyFile)), ["billing.key", "billing.pub"]);
  }));

Deno.test("writeKeyPair() says in a line why it can't write", () =>
  inFolder(async (folder) => {
    Deno.writeTextFileSync(join(folder, "file"), "");
    const outcome = await cli(["keygen", "--issuer", "a", "--out", join(folder, "file", "keys")]);
    assertFailed(outcome, 1, /Cannot write/);
  }));

Deno.test("keygen prints names and the id, and never the private key", () =>
  inFolder(async (folder) => {
    const args = ["keygen", "--issuer", "billing", "--out", folder, "--algorithm", "ES256"];
    const target = "https://prod-abc123.supabase.co";
    const { code, stdout, stderr } = await cli([...args, "--target", target]);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    const key = Deno.readTextFileSync(join(folder, "billing-prod-abc123.key"));
    assert.match(key, /^-----BEGIN PRIVATE KEY-----\n/);
    assert(!stdout.includes(key.split("\n")[1] ?? key));

    assertFailed(await cli([...args, "--target", target]), 1, /--force/);
    const shown = await cliJson([...args, "--target", target, "--force"]);
    assert.partialDeepStrictEqual(shown, {
      issuer: "billing",
      algorithm: "ES256",
      privateKeyFile: join(folder, "billing-prod-abc123.key"),
    });
    assert.notEqual(Deno.readTextFileSync(join(folder, "billing-prod-abc123.key")), key);
  }));
