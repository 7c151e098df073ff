import assert from "node:assert/strict";
import { join } from "node:path";
import { unpackUpload } from "./unpack_upload.ts";

async function unpack(...names: string[]): Promise<string[]> {
  const folder = await Deno.makeTempDir();
  try {
    // As they come over the wire: the platform's own parser reads the names.
    const boundary = "b";
    const body = names.map((name) =>
      `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${name}"\r\n` +
      "content-type: application/typescript\r\n\r\nexport {};\r\n"
    ).join("") + `--${boundary}--\r\n`;
    const request = new Request("http://loopback", {
      method: "POST",
      body,
      headers: { "content-type": `multipart/form-data; boundary=${boundary}` },
    });
    const sizes = await unpackUpload(await request.formData(), folder);
    for (const name of sizes.keys()) {
      assert.equal(await Deno.readTextFile(join(folder, name)), "export {};");
    }
    return [...sizes.keys()];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const HONEST = "packages/swap-proxy/mod.ts";

for (
  const name of [
    "../mod.ts",
    "packages/../../mod.ts",
    "packages/./mod.ts",
    "/packages/mod.ts",
    "packages//mod.ts",
    "packages\\..\\mod.ts",
    "C:/packages/mod.ts",
    "functions/rest/.env",
    ".git/config",
    "packages/mod.ts/",
    "packages/mod%0A.ts",
  ]
) {
  Deno.test(`unpackUpload() refuses the name ${JSON.stringify(name)}`, async () => {
    await assert.rejects(unpack(HONEST, name), { name: "TypeError", message: /^Unsafe name/ });
  });
}

Deno.test("unpackUpload() refuses a second file of the same name", async () => {
  await assert.rejects(unpack(HONEST, HONEST), Deno.errors.AlreadyExists);
});

Deno.test("unpackUpload() writes files under their names", async () => {
  const names = [HONEST, "functions/rest/deno.json", "packages/verifier/x_1-2@3.ts"];
  assert.deepEqual(await unpack(...names), names);
});
