import { generateIssuerKeyPair } from "@countersign/signer";
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { keyFilesIn } from "./key_files.ts";

let outer: string;
let folder: string;

Deno.test.beforeAll(async () => {
  outer = await realpath(await mkdtemp(join(tmpdir(), "countersign-")));
  folder = join(outer, "registry");
  await mkdir(join(folder, "keys"), { recursive: true });
  await mkdir(join(outer, "registry-other"));
  const { publicKey } = await generateIssuerKeyPair({ algorithm: "ES256" });
  for (const path of ["registry/keys/a.pub", "secret.pub", "registry-other/b.pub"]) {
    await writeFile(join(outer, path), publicKey);
  }
  await symlink("a.pub", join(folder, "keys/inside.pub"));
  await symlink("../../secret.pub", join(folder, "keys/outside.pub"));
  await symlink("../..", join(folder, "keys/up"));
  await symlink("circle", join(folder, "circle"));
  await writeFile(join(folder, "big.pub"), "x".repeat(16_385));
  await promisify(execFile)("mkfifo", [join(folder, "pipe")]);
});

Deno.test.afterAll(async () => {
  await rm(outer, { recursive: true });
});

for (
  const [what, path, message] of [
    ["a path upwards", "../secret.pub", /inside the folder/],
    ["a path down and upwards", "keys/../../secret.pub", /inside the folder/],
    ["a sibling whose name begins alike", "../registry-other/b.pub", /inside the folder/],
    ["an absolute path", "/etc/hostname", /inside the folder/],
    ["a drive", "C:/keys/a.pub", /inside the folder/],
    ["backslashes", "keys\\..\\..\\secret.pub", /inside the folder/],
    ["a NUL", "keys/a.pub\0.txt", /inside the folder/],
    ["the folder itself", ".", /inside the folder/],
    ["a link to a file outside", "keys/outside.pub", /inside the folder/],
    ["a link to a folder outside", "keys/up/secret.pub", /inside the folder/],
    ["a link in a circle", "circle", /circle/],
    ["a folder", "keys", /at most 16384 bytes/],
    ["a long file", "big.pub", /at most 16384 bytes/],
    ["a named pipe", "pipe", /at most 16384 bytes/],
    ["a file that is not there", "keys/b.pub", /no such file/],
    ["a file as a folder", "keys/a.pub/b", /not a directory/],
  ] as const
) {
  Deno.test(`keyFilesIn() refuses ${what}`, async () => {
    await assert.rejects(keyFilesIn(folder)(path), (error) => {
      assert(error instanceof RangeError, String(error));
      assert.match(error.message, message);
      return true;
    });
  });
}

for (const path of ["keys/a.pub", "./keys/a.pub", "keys/inside.pub"]) {
  Deno.test(`keyFilesIn() reads ${path}`, async () => {
    assert.match(await keyFilesIn(folder)(path), /^-----BEGIN PUBLIC KEY-----\n/);
  });
}
