import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { KEY_ATTACKS } from "@countersign/fixture/attacks";
import { type Jwk, jwkOf, thumbprintOf } from "@countersign/fixture/federation";
import { keyOf } from "../fixtures/tokens.ts";
import { ALGORITHMS } from "../mod.ts";
import { readKeySet } from "./key_set.ts";

const rsa = jwkOf(await keyOf("RS256"));
const p256 = jwkOf(await keyOf("ES256"));
const ed25519 = jwkOf(await keyOf("EdDSA"));

/** RSA of any size, without waiting for one to be generated: nothing but its form is looked at. */
function rsaOf(bits: number, change: Jwk = {}): Jwk {
  const modulus = new Uint8Array(bits / 8).fill(0xa5);
  return { ...rsa, n: base64url(modulus), kid: "weak", ...change };
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_")
    .replaceAll("=", "");
}

const { d: _, ...p521 } = generateKeyPairSync("ec", { namedCurve: "P-521" }).privateKey
  .export({ format: "jwk" });

const BAD: Readonly<Record<string, unknown>> = {
  "a shared secret": { kty: "oct", k: "c2VjcmV0", kid: "weak", alg: "HS256" },
  "a shared secret that says RS256": { kty: "oct", k: "c2VjcmV0", kid: "weak", alg: "RS256" },
  "RSA of 1024 bits": rsaOf(1024),
  "RSA of 8192 bits": rsaOf(8192),
  "an exponent of 1": { ...rsa, e: "AQ", kid: "weak" },
  "an exponent of 3": { ...rsa, e: "Aw", kid: "weak" },
  "a modulus with a zero in front": { ...rsa, n: `AA${rsa["n"]}`.slice(0, -2), kid: "weak" },
  "a private key": { ...rsa, d: "AQAB", kid: "weak" },
  "a key for encryption": { ...rsa, use: "enc", kid: "weak" },
  "a key for signing alone": { ...rsa, key_ops: ["sign"], kid: "weak" },
  "operations that are no list": { ...rsa, key_ops: "verify", kid: "weak" },
  "another algorithm": { ...rsa, alg: "RS1", kid: "weak" },
  "HMAC for an RSA key": { ...rsa, alg: "HS256", kid: "weak" },
  "an algorithm of another kind of key": { ...rsa, alg: "ES256", kid: "weak" },
  "an algorithm that is no text": { ...rsa, alg: ["RS256"], kid: "weak" },
  "a kid that is no text": { ...rsa, kid: 1 },
  "another curve": { ...p521, kid: "weak" },
  "a curve of another kind": { ...ed25519, kty: "EC", kid: "weak" },
  "a point beside its curve": { ...p256, x: p256["y"], kid: "weak" },
  "a coordinate cut short": { ...p256, x: String(p256["x"]).slice(0, -2), kid: "weak" },
  "a point of small order": { ...ed25519, x: base64url(new Uint8Array(32)), kid: "weak" },
  "no modulus": { kty: "RSA", e: "AQAB", kid: "weak" },
  "padding": { ...rsa, n: `${rsa["n"]}=`, kid: "weak" },
  "a modulus that is a number": { ...rsa, n: 65_537, kid: "weak" },
  "a kind that is inherited": { kty: "constructor", crv: "__proto__", kid: "weak" },
  "null": null,
  "a text": "key",
  "a list": [rsa],
};

for (const [name, bad] of Object.entries(BAD)) {
  Deno.test(`readKeySet() leaves out ${name}, and keeps the others`, async () => {
    const keySet = await readKeySet({ keys: [bad, ed25519, bad] });
    assert.deepEqual(keySet?.keys.map(({ thumbprint }) => thumbprint), [thumbprintOf(ed25519)]);
    assert.equal(keySet?.refused, 2);
  });
}

Deno.test("readKeySet() leaves out a key of a broken generator", async () => {
  const { attack, algorithm } = KEY_ATTACKS["an RSA key of a broken generator"]!;
  const { createPublicKey } = await import("node:crypto");
  const jwk = { ...createPublicKey(attack).export({ format: "jwk" }), alg: algorithm, kid: "roca" };
  const keySet = await readKeySet({ keys: [jwk, rsa] });
  assert.deepEqual(keySet?.keys.map(({ thumbprint }) => thumbprint), [thumbprintOf(rsa)]);
});

Deno.test("readKeySet() leaves out both keys of one kid, and not a key that is there twice", async () => {
  const twice = { ...p256, kid: rsa["kid"] };
  const keySet = await readKeySet({ keys: [rsa, ed25519, twice, ed25519] });
  assert.deepEqual(keySet?.keys.map(({ thumbprint }) => thumbprint), [thumbprintOf(ed25519)]);
});

Deno.test("readKeySet() reads every kind of key for the algorithms that it is for", async () => {
  for (const algorithm of ALGORITHMS) {
    const jwk = jwkOf(await keyOf(algorithm));
    const keySet = await readKeySet({ keys: [jwk] });
    const [key] = keySet?.keys ?? [];
    assert.equal(key?.thumbprint, thumbprintOf(jwk), algorithm);
    assert.deepEqual(Object.keys(key?.forAlgorithm ?? {}), [algorithm]);
    assert.equal(key?.forAlgorithm[algorithm]?.publicKey, (await keyOf(algorithm)).publicKey);
    assert.equal(key?.providerKid, jwk["kid"]);
  }
  const { alg: _, use: __, ...bare } = rsa;
  const [key] = (await readKeySet({ keys: [bare] }))?.keys ?? [];
  assert.deepEqual(Object.keys(key?.forAlgorithm ?? {}), ["RS256", "RS384", "RS512", "PS256"]);
});

Deno.test("readKeySet() takes nothing for a key set that is none, or one of too many keys", async () => {
  const many = (count: number) => ({ keys: Array<unknown>(count).fill(ed25519) });
  for (const jwks of [undefined, null, [], {}, { keys: {} }, { keys: null }, "x", many(51)]) {
    assert.equal(await readKeySet(jwks), undefined, JSON.stringify(jwks)?.slice(0, 40));
  }
  assert.equal((await readKeySet(many(50)))?.keys.length, 1);
  assert.equal((await readKeySet({ keys: [] }))?.keys.length, 0);
});
