import assert from "node:assert/strict";
import { keyOf } from "../fixtures/tokens.ts";
import { importPublicKey, keyId } from "../mod.ts";

const { publicKey: ed25519Pem } = await keyOf("EdDSA");

Deno.test("importPublicKey() refuses an algorithm with a shared secret", async () => {
  for (const algorithm of ["HS256", "none", "constructor", "ES512"]) {
    await assert.rejects(
      Promise.resolve(Reflect.apply(importPublicKey, undefined, [ed25519Pem, algorithm])),
      { code: "unsupported_algorithm" },
    );
  }
});

Deno.test("importPublicKey() refuses what is no text", async () => {
  for (const value of [undefined, null, 1, {}, new Uint8Array(8)]) {
    await assert.rejects(
      Promise.resolve(Reflect.apply(importPublicKey, undefined, [value, "EdDSA"])),
      { code: "not_pem" },
    );
  }
});

Deno.test("importPublicKey() reads a key whatever its line breaks are", async () => {
  const oneLine = ed25519Pem.replace(/\n(?!-----END|$)/g, "");
  for (const spelling of [ed25519Pem.replaceAll("\n", "\r\n"), `\n ${ed25519Pem}\n`, oneLine]) {
    assert.equal((await importPublicKey(spelling, "EdDSA")).type, "public");
    assert.equal(await keyId(spelling), await keyId(ed25519Pem));
  }
});

Deno.test("importPublicKey() makes keys that can't be exported", async () => {
  const key = await importPublicKey(ed25519Pem, "EdDSA");
  assert.equal(key.extractable, false);
  assert.deepEqual(key.usages, ["verify"]);
});
