import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import {
  idOfPublicKey,
  idOfSpki,
  importPublicJwk,
  pickMembers,
  PUBLIC_MEMBERS,
} from "./public_key.ts";

const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const spki = Uint8Array.from(publicKey.export({ type: "spki", format: "der" }));
const kid = createHash("sha256").update(spki).digest("base64url");
const jwk = { kty: "EC", ...publicKey.export({ format: "jwk" }) };

Deno.test("idOfSpki() gives one key one id, and refuses another spelling of it", async () => {
  assert.equal(await idOfSpki(spki), kid);
  // The compressed form of the same point: x, and whether y is odd.
  const compressed = Uint8Array.from([
    0x30,
    0x39,
    ...spki.subarray(2, 23),
    0x03,
    0x22,
    0x00,
    0x02 + (spki.at(-1)! & 1),
    ...spki.subarray(27, 59),
  ]);
  await assert.rejects(idOfSpki(compressed), { code: "invalid_key" });
  await assert.rejects(idOfSpki(spki.slice(0, -1)), { code: "invalid_key" });
  await assert.rejects(idOfSpki(spki.with(60, spki[60]! ^ 1)), { code: "invalid_key" });
});

Deno.test("importPublicJwk() imports nothing private, and listens to nothing else in the JWK", async () => {
  const whole = {
    ...jwk,
    ...privateKey.export({ format: "jwk" }),
    key_ops: ["sign"],
    ext: false,
    alg: "none",
  };
  const key = await Reflect.apply(importPublicJwk, undefined, [whole]);
  assert.deepEqual([key.type, key.usages], ["public", ["verify"]]);
  assert.equal(await idOfPublicKey(key), kid);
  assert.deepEqual(Object.keys(pickMembers(jwk, PUBLIC_MEMBERS)).toSorted(), [
    "crv",
    "kty",
    "x",
    "y",
  ]);
});

Deno.test("importPublicJwk() repeats nothing of a damaged key", async () => {
  const damaged = { kty: "EC", crv: "P-256", x: "secret-material", y: "AA" };
  await assert.rejects(importPublicJwk(damaged), (error: Error & { code?: string }) => {
    assert.equal(error.code, "invalid_key");
    assert.doesNotMatch(error.message, /secret-material/);
    assert.equal(error.cause, undefined);
    return true;
  });
  await importPublicJwk(jwk);
});
