import assert from "node:assert/strict";
import { algorithmFor, algorithmOf, checkAlgorithm, importParams } from "./algorithms.ts";

Deno.test("checkAlgorithm() refuses everything but the seven, by their exact names", () => {
  for (const name of ["none", "HS256", "rs256", "ES512", "constructor", "__proto__", ""]) {
    assert.throws(() => checkAlgorithm(name), { code: "unsupported_algorithm" }, name);
  }
  for (const name of ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]) {
    assert.equal(checkAlgorithm(name), name);
  }
});

Deno.test("algorithmFor() refuses an algorithm that the key is not for", () => {
  assert.throws(() => algorithmFor("RSA", "ES256"), { code: "algorithm_mismatch" });
  assert.throws(() => algorithmFor("P-256", "ES384"), { code: "algorithm_mismatch" });
  assert.throws(() => algorithmFor("Ed25519", "none"), { code: "unsupported_algorithm" });
  for (const name of ["RS256", "RS512", "PS256"]) assert.equal(algorithmFor("RSA", name), name);
});

Deno.test("algorithmFor() has one default for each type of key", () => {
  const defaults = (["RSA", "P-256", "P-384", "Ed25519"] as const).map((type) =>
    algorithmFor(type, undefined)
  );
  assert.deepEqual(defaults, ["RS256", "ES256", "ES384", "EdDSA"]);
});

Deno.test("algorithmOf() knows the one algorithm of a CryptoKey, and no other kind of key", async () => {
  const generate = async (params: EcKeyGenParams | HmacKeyGenParams, uses: KeyUsage[]) =>
    await crypto.subtle.generateKey(params, false, uses);
  for (const [namedCurve, algorithm] of [["P-256", "ES256"], ["P-384", "ES384"]] as const) {
    const pair = await generate({ name: "ECDSA", namedCurve }, ["sign"]) as CryptoKeyPair;
    assert.equal(algorithmOf(pair.privateKey), algorithm);
    assert.equal(importParams(algorithm).namedCurve, namedCurve);
  }
  const shared = await generate({ name: "HMAC", hash: "SHA-256" }, ["sign"]) as CryptoKey;
  assert.equal(algorithmOf(shared), undefined);
});
