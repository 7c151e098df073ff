import assert from "node:assert/strict";
import { ALGORITHMS, isAlgorithm, JWS_ALGORITHMS } from "./algorithms.ts";

Deno.test("isAlgorithm() knows asymmetric algorithms by their exact names, and no member of a prototype", () => {
  for (
    const name of [
      "none",
      "HS256",
      "HS384",
      "RS1",
      "rs256",
      "RS256 ",
      "constructor",
      "__proto__",
      "",
    ]
  ) {
    assert.equal(isAlgorithm(name), false, name);
  }
  for (const value of [undefined, null, 0, ["RS256"], new String("RS256")]) {
    assert.equal(isAlgorithm(value), false);
  }
  for (const name of ALGORITHMS) assert.ok(isAlgorithm(name));
});

Deno.test("ALGORITHMS can't be changed, and none of them takes a shared secret", () => {
  assert.throws(() => Reflect.apply(Array.prototype.push, ALGORITHMS, ["HS256"]), TypeError);
  for (const name of ALGORITHMS) {
    assert.match(
      JWS_ALGORITHMS[name].importParams.name,
      /^(RSASSA-PKCS1-v1_5|RSA-PSS|ECDSA|Ed25519)$/,
    );
  }
});

Deno.test("JWS_ALGORITHMS imports a key for the hash that it verifies with", () => {
  for (
    const [name, bits] of [["RS256", 256], ["RS384", 384], ["RS512", 512], ["PS256", 256]] as const
  ) {
    const { importParams, keyType } = JWS_ALGORITHMS[name];
    assert.deepEqual([keyType, "hash" in importParams && importParams.hash], [
      "RSA",
      `SHA-${bits}`,
    ]);
  }
  for (const [name, bits] of [["ES256", 256], ["ES384", 384]] as const) {
    const { importParams, verifyParams } = JWS_ALGORITHMS[name];
    assert.equal("namedCurve" in importParams && importParams.namedCurve, `P-${bits}`);
    assert.equal("hash" in verifyParams && verifyParams.hash, `SHA-${bits}`);
  }
});
