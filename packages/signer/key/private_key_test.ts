import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, type KeyObject } from "node:crypto";
import { inspect } from "node:util";
import { SignerError, type SignerErrorCode } from "../errors.ts";
import { keyImporter, type SigningKey } from "./private_key.ts";
import type { Algorithm, Jwk, KeyInput } from "../types.ts";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
const ed25519 = generateKeyPairSync("ed25519");

const pkcs8 = (key: KeyObject): string => String(key.export({ type: "pkcs8", format: "pem" }));
const spki = (key: KeyObject): string => String(key.export({ type: "spki", format: "pem" }));
const jwk = (key: KeyObject): Jwk => key.export({ format: "jwk" });
const idOf = (key: KeyObject): string =>
  createHash("sha256").update(key.export({ type: "spki", format: "der" })).digest("base64url");

async function importKey(
  privateKey: KeyInput,
  options: { algorithm?: Algorithm; kid?: string } = {},
): Promise<SigningKey> {
  return await keyImporter({ privateKey, ...options })();
}

async function refuses(
  code: SignerErrorCode,
  privateKey: KeyInput,
  options?: { algorithm?: Algorithm; kid?: string },
): Promise<void> {
  await assert.rejects(importKey(privateKey, options), (error) => {
    assert.ok(error instanceof SignerError, inspect(error));
    assert.equal(error.code, code, error.message);
    assert.equal(error.cause, undefined);
    return true;
  });
}

async function webCryptoKey(
  params: RsaHashedKeyGenParams | EcKeyGenParams | { name: "Ed25519" },
  extractable = false,
): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey(params, extractable, ["sign", "verify"]) as CryptoKeyPair;
}

const rsaParams = (name: string, hash: string, modulusLength = 2048): RsaHashedKeyGenParams => ({
  name,
  hash,
  modulusLength,
  publicExponent: Uint8Array.of(1, 0, 1),
});

Deno.test("keyImporter() refuses a public key in any form, and takes its private half", async () => {
  const { publicKey, privateKey } = await webCryptoKey({ name: "Ed25519" });
  await refuses("not_a_private_key", spki(rsa.publicKey));
  await refuses("not_a_private_key", jwk(p256.publicKey));
  await refuses("not_a_private_key", publicKey);
  await importKey(pkcs8(rsa.privateKey));
  await importKey(jwk(p256.privateKey));
  await importKey(privateKey);
});

Deno.test("keyImporter() refuses RSA keys under 2048 bits in any form", async () => {
  for (const modulusLength of [1024, 2040]) {
    const weak = generateKeyPairSync("rsa", { modulusLength });
    await refuses("weak_key", pkcs8(weak.privateKey));
    await refuses("weak_key", jwk(weak.privateKey));
  }
  await refuses("weak_key", (await webCryptoKey(rsaParams("RSA-PSS", "SHA-256", 1024))).privateKey);
  await importKey((await webCryptoKey(rsaParams("RSA-PSS", "SHA-256"))).privateKey);
});

Deno.test("keyImporter() refuses types of key that no algorithm signs with", async () => {
  for (const namedCurve of ["P-521", "secp256k1"]) {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve });
    await refuses("unsupported_key", pkcs8(privateKey));
  }
  await refuses("unsupported_key", pkcs8(generateKeyPairSync("x25519").privateKey));
  await refuses("unsupported_key", { ...jwk(p256.privateKey), crv: "P-521" });
  await refuses("unsupported_key", { ...jwk(ed25519.privateKey), crv: "X25519" });
  const symmetric = { kty: "oct", k: "c2VjcmV0" };
  await refuses("unsupported_key", symmetric);
});

Deno.test("keyImporter() refuses a CryptoKey that is not for signing with our algorithms", async () => {
  const hmac = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, true, ["sign"]);
  await refuses("unsupported_key", hmac);
  const params = { name: "ECDH", namedCurve: "P-256" };
  const agreement = await crypto.subtle.generateKey(params, false, ["deriveBits"]);
  await refuses("unsupported_key", agreement.privateKey);
  const sha1 = await webCryptoKey(rsaParams("RSASSA-PKCS1-v1_5", "SHA-1"));
  await refuses("unsupported_key", sha1.privateKey);
  const ps512 = await webCryptoKey(rsaParams("RSA-PSS", "SHA-512"));
  await refuses("unsupported_key", ps512.privateKey);
});

Deno.test("keyImporter() refuses a JWK that is meant for something else", async () => {
  const key = jwk(p256.privateKey);
  await refuses("unsupported_key", { ...key, use: "enc" });
  await refuses("unsupported_key", { ...key, key_ops: ["deriveBits"] });
  // @ts-expect-error: a file can hold anything
  await refuses("unsupported_key", { ...key, key_ops: "sign" });
  await importKey({ ...key, use: "sig", key_ops: ["sign"] });
});

Deno.test("keyImporter() refuses an algorithm that the key cannot serve", async () => {
  await refuses("algorithm_mismatch", pkcs8(rsa.privateKey), { algorithm: "ES256" });
  await refuses("algorithm_mismatch", pkcs8(p256.privateKey), { algorithm: "ES384" });
  await refuses("algorithm_mismatch", jwk(p256.privateKey), { algorithm: "RS256" });
  const rs512: Jwk = { ...jwk(rsa.privateKey), alg: "RS512" };
  await refuses("algorithm_mismatch", rs512, { algorithm: "RS256" });
  await refuses("algorithm_mismatch", { ...rs512, alg: "ES256" });
  const { privateKey } = await webCryptoKey(rsaParams("RSASSA-PKCS1-v1_5", "SHA-384"));
  await refuses("algorithm_mismatch", privateKey, { algorithm: "RS256" });
  assert.equal((await importKey(rs512, { algorithm: "RS512" })).algorithm, "RS512");
  assert.equal((await importKey(privateKey, { algorithm: "RS384" })).algorithm, "RS384");
});

Deno.test("keyImporter() refuses algorithms that are not ours", async () => {
  for (const algorithm of ["HS256", "none", "ES512", "rs256", "", "constructor"]) {
    // @ts-expect-error: callers without types, or with a configuration file, pass anything
    await refuses("unsupported_algorithm", pkcs8(rsa.privateKey), { algorithm });
  }
  await refuses("unsupported_algorithm", { ...jwk(rsa.privateKey), alg: "HS256" });
});

Deno.test("keyImporter() refuses damaged keys", async () => {
  const der = new Uint8Array(rsa.privateKey.export({ type: "pkcs8", format: "der" }));
  const pem = (bytes: Uint8Array) =>
    `-----BEGIN PRIVATE KEY-----\n${
      btoa(String.fromCharCode(...bytes))
    }\n-----END PRIVATE KEY-----\n`;
  await refuses("invalid_key", pem(new Uint8Array()));
  await refuses("invalid_key", pem(Uint8Array.of(0x30, 0x80, 0, 0)));
  await refuses("invalid_key", pem(Uint8Array.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff)));
  await refuses("invalid_key", pem(der.subarray(0, -1)));
  await refuses("invalid_key", pem(Uint8Array.of(...der, 0)));
  // At once, where it is configured, and not only once a runtime reads the key.
  assert.throws(() => keyImporter({ privateKey: pem(Uint8Array.of(...der, 0)) }), SignerError);
  await refuses("invalid_key", pem(der.with(100, 0xff).fill(7, 60)));
  const { d: _, ...withoutExponent } = jwk(rsa.privateKey);
  await refuses("not_a_private_key", withoutExponent);
  const { qi: __, ...withoutCoefficient } = jwk(rsa.privateKey);
  await refuses("invalid_key", withoutCoefficient);
  await importKey(pem(der));
});

Deno.test("keyImporter() refuses a JWK made of the halves of two keys", async () => {
  const other = {
    rsa: generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey,
    p256: generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey,
    ed25519: generateKeyPairSync("ed25519").publicKey,
  };
  await refuses("invalid_key", { ...jwk(rsa.privateKey), ...jwk(other.rsa) });
  await refuses("invalid_key", { ...jwk(p256.privateKey), ...jwk(other.p256) });
  await refuses("invalid_key", { ...jwk(ed25519.privateKey), ...jwk(other.ed25519) });
  await importKey({ ...jwk(rsa.privateKey), ...jwk(rsa.publicKey) });
});

Deno.test("keyImporter() refuses a kid that is not the key's", async () => {
  const { privateKey } = await webCryptoKey({ name: "Ed25519" }, true);
  const kid = idOf(p256.publicKey);
  await refuses("invalid_kid", pkcs8(rsa.privateKey), { kid });
  await refuses("invalid_kid", jwk(rsa.privateKey), { kid });
  await refuses("invalid_kid", privateKey, { kid });
  await refuses("invalid_kid", pkcs8(p256.privateKey), { kid: "2024-01" });
  assert.equal((await importKey(pkcs8(p256.privateKey), { kid })).kid, kid);
});

Deno.test("keyImporter() throws a TypeError for what is no key at all", () => {
  for (const value of [undefined, null, 42, {}, new Uint8Array(32), rsa.privateKey]) {
    // @ts-expect-error: callers without types pass anything
    assert.throws(() => keyImporter({ privateKey: value }), TypeError);
  }
});

Deno.test("keyImporter() imports PEM with the algorithm of its type and the id of its public half", async () => {
  const expected: [{ publicKey: KeyObject; privateKey: KeyObject }, Algorithm][] = [
    [rsa, "RS256"],
    [p256, "ES256"],
    [p384, "ES384"],
    [ed25519, "EdDSA"],
  ];
  for (const [pair, algorithm] of expected) {
    const fromPem = await importKey(pkcs8(pair.privateKey));
    const fromJwk = await importKey(jwk(pair.privateKey));
    assert.deepEqual([fromPem.algorithm, fromPem.kid], [algorithm, idOf(pair.publicKey)]);
    assert.deepEqual([fromJwk.algorithm, fromJwk.kid], [algorithm, idOf(pair.publicKey)]);
  }
});

Deno.test("keyImporter() lets a JWK name its algorithm, and ignores its kid", async () => {
  const key: Jwk & { kid: string } = { ...jwk(rsa.privateKey), alg: "PS256", kid: "thumbprint" };
  const imported = await importKey(key);
  assert.deepEqual([imported.algorithm, imported.kid], ["PS256", idOf(rsa.publicKey)]);
  const edwards = await importKey({ ...jwk(ed25519.privateKey), alg: "Ed25519" });
  assert.equal(edwards.algorithm, "EdDSA");
});

Deno.test("keyImporter() takes the kid of a CryptoKey from itself, else from the option, else none", async () => {
  const exported = await webCryptoKey({ name: "ECDSA", namedCurve: "P-256" }, true);
  const sealed = await webCryptoKey({ name: "ECDSA", namedCurve: "P-256" }, false);
  const kid = idOf(p256.publicKey);
  assert.match((await importKey(exported.privateKey)).kid ?? "", /^[A-Za-z0-9_-]{43}$/);
  assert.equal((await importKey(sealed.privateKey, { kid })).kid, kid);
  assert.equal((await importKey(sealed.privateKey)).kid, undefined);
});

Deno.test("keyImporter() imports what the JWK was when it was checked", async () => {
  const key = jwk(p256.privateKey);
  const importIt = keyImporter({ privateKey: key });
  Object.assign(key, jwk(ed25519.privateKey));
  assert.equal((await importIt()).kid, idOf(p256.publicKey));
});

Deno.test("keyImporter() never shows key material in what it throws", async () => {
  const jwkSecrets = Object.values(jwk(rsa.privateKey)).filter((value) =>
    String(value).length > 20
  );
  const body = pkcs8(rsa.privateKey).split("\n").slice(1, -2);
  const broken: KeyInput[] = [
    pkcs8(rsa.privateKey).replace(body[5] ?? "", ""),
    pkcs8(rsa.privateKey).replace("PRIVATE KEY", "SECRET KEY"),
    String(rsa.privateKey.export({ type: "pkcs1", format: "pem" })),
    body.join(""),
    { ...jwk(rsa.privateKey), qi: "*" },
    { ...jwk(rsa.privateKey), n: "AQAB" },
    { ...jwk(rsa.privateKey), kty: "EC", crv: "P-256" },
    JSON.stringify(jwk(rsa.privateKey)),
  ];
  for (const key of broken) {
    const error: unknown = await importKey(key).catch((error: unknown) => error);
    assert.ok(error instanceof SignerError);
    const shown = inspect(error, { depth: 10, showHidden: true });
    for (const secret of [...jwkSecrets, ...body]) assert.ok(!shown.includes(String(secret)));
  }
});
