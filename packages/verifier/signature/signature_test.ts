import assert from "node:assert/strict";
import { KEY_ATTACKS } from "@countersign/fixture/attacks";
import { isRefusal, keyOf, makeKey, makeRecord, makeToken, verify } from "../fixtures/tokens.ts";
import { InvalidPublicKeyError } from "../mod.ts";

Deno.test("verifySignature() fails closed for a key that can't be imported", async () => {
  const weak = { ...await keyOf("EdDSA"), publicKey: KEY_ATTACKS["the Ed25519 identity"]!.attack };
  // Under the identity it holds for every message (RFC 8032 §5.1.7).
  const forged = Uint8Array.of(1, ...new Uint8Array(63));
  const record = await makeRecord({ keys: [weak] });
  await assert.rejects(
    verify(await makeToken({ signature: () => forged }), record),
    (error) =>
      isRefusal(error, "bad_signature") && error instanceof Error &&
      error.cause instanceof InvalidPublicKeyError,
  );
});

Deno.test("verifySignature() verifies with the other keys of an issuer with a bad one", async () => {
  const good = await keyOf("EdDSA");
  const bad = { ...await makeKey("EdDSA"), publicKey: "not a key" };
  const record = await makeRecord({ keys: [bad, good] });
  const token = await makeToken({ header: { kid: undefined } });
  assert.equal((await verify(token, record)).matchedKey.kid, good.kid);
});

Deno.test("verifySignature() takes a platform that throws for one that says no", async () => {
  const { verify: original } = crypto.subtle;
  crypto.subtle.verify = () => Promise.reject(new DOMException("Expected 64 bytes", "DataError"));
  try {
    await assert.rejects(
      verify(await makeToken(), await makeRecord()),
      (error) =>
        isRefusal(error, "bad_signature") && error instanceof Error && error.cause === undefined,
    );
  } finally {
    crypto.subtle.verify = original;
  }
  await verify(await makeToken(), await makeRecord());
});
