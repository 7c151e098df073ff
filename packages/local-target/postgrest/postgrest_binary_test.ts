import assert from "node:assert/strict";
import { delimiter, join } from "node:path";
import { LocalTargetError } from "../mod.ts";
import { postgrestBinary } from "./postgrest_binary.ts";

Deno.test("postgrestBinary() is the packaged one on Linux, whatever PATH has", async () => {
  const path = await postgrestBinary("linux-x86_64", "");
  const { stdout } = await new Deno.Command(path, { args: ["--version"] }).output();
  assert.equal(new TextDecoder().decode(stdout).trim(), "PostgREST 12.0.2");
});

Deno.test("postgrestBinary() is the first on PATH elsewhere", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const installed = join(directory, "postgrest");
    await Deno.writeTextFile(installed, "");
    const path = ["/nowhere", "", directory, "/usr/bin"].join(delimiter);
    assert.equal(await postgrestBinary("darwin-aarch64", path), installed);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("postgrestBinary() says in one sentence how to get one", async () => {
  await assert.rejects(postgrestBinary("darwin-aarch64", "/nowhere"), (error) => {
    assert(error instanceof LocalTargetError);
    assert.equal(error.code, "postgrest_unavailable");
    assert.match(
      error.message,
      /^No PostgREST is packaged for darwin-aarch64 and .* install it \(.*\)$/,
    );
    return true;
  });
});
