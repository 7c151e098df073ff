import assert from "node:assert/strict";
import { bytesOf, headerOf, payloadOf } from "@countersign/fixture";
import { jwkSigner, type PrivateJwk } from "./jwk_signer.ts";

const KID = "4d1f3b2c-0000-4000-8000-000000000000";
const CLAIMS = { role: "widgets_writer", exp: 1_900_000_000 };
const usages: KeyUsage[] = ["sign", "verify"];

const ec = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, usages);
const rsa = await crypto.subtle.generateKey(
  {
    name: "RSASSA-PKCS1-v1_5",
    hash: "SHA-256",
    modulusLength: 2048,
    publicExponent: Uint8Array.of(1, 0, 1),
  },
  true,
  usages,
);
const ed = await crypto.subtle.generateKey("Ed25519", true, usages);
assert.ok("privateKey" in ed);

const exported = (key: CryptoKey): Promise<PrivateJwk> => crypto.subtle.exportKey("jwk", key);
const es256 = { ...await exported(ec.privateKey), kid: KID };
const rs256 = { ...await exported(rsa.privateKey), kid: KID };
const eddsa = { ...await exported(ed.privateKey), kid: KID };

Deno.test("jwkSigner() signs with ES256, RS256 and EdDSA under the key's id", async () => {
  const cases = [
    ["ES256", es256, ec.publicKey, { name: "ECDSA", hash: "SHA-256" }],
    ["RS256", rs256, rsa.publicKey, { name: "RSASSA-PKCS1-v1_5" }],
    ["EdDSA", eddsa, ed.publicKey, { name: "Ed25519" }],
  ] as const;
  for (const [alg, jwk, publicKey, params] of cases) {
    const { alg: _, key_ops: __, use: ___, ext: ____, ...bare } = { use: "sig", ...jwk };
    for (const key of [{ ...bare, alg }, bare, { ...bare, key_ops: ["sign"], use: "sig" }]) {
      const token = await jwkSigner(key).sign(CLAIMS);
      const [header = "", payload = "", signature = ""] = token.split(".");
      const signed = new TextEncoder().encode(`${header}.${payload}`);
      assert.ok(await crypto.subtle.verify(params, publicKey, bytesOf(signature), signed), alg);
      assert.deepEqual(headerOf(token), { alg, typ: "JWT", kid: KID });
      assert.deepEqual(payloadOf(token), CLAIMS);
    }
  }
});

Deno.test("jwkSigner() refuses keys that can't sign for this target, and never repeats them", async () => {
  const { d: _, ...publicOnly } = es256;
  const { kid: __, ...withoutKid } = es256;
  const p384 = await crypto.subtle.generateKey(
    { name: "ECDSA", namedCurve: "P-384" },
    true,
    usages,
  );
  const attacks: readonly [RegExp, PrivateJwk][] = [
    [/"d"/, publicOnly],
    [/"kid"/, withoutKid],
    [/"kid"/, { ...es256, kid: "" }],
    [/kind/, { ...await exported(p384.privateKey), kid: KID }],
    [/kind/, { kty: "oct", k: "c2VjcmV0", kid: KID }],
    [/kind/, { kid: KID }],
    [/"alg"/, { ...es256, alg: "ES384" }],
    [/"alg"/, { ...rs256, alg: "PS256" }],
    [/"d" of 32 bytes/, { ...es256, d: es256.d?.slice(0, -1) ?? "" }],
    [/"x"/, { ...es256, x: "not base64url!" }],
    [/2048/, { ...rs256, n: rs256.n?.slice(0, 172) ?? "" }],
  ];
  for (const [expected, jwk] of attacks) {
    assert.throws(() => jwkSigner(jwk), (error: Error) => {
      assert.equal(error.name, "ConfigurationError");
      assert.match(error.message, expected);
      return es256.d === undefined || !error.message.includes(es256.d);
    });
  }
});
