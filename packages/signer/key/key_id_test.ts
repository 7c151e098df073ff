import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, type KeyObject } from "node:crypto";
import { SignerError, type SignerErrorCode } from "../errors.ts";
import { keyId } from "./key_id.ts";

const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const pairs = [
  generateKeyPairSync("rsa", { modulusLength: 2048 }),
  p256,
  generateKeyPairSync("ec", { namedCurve: "P-384" }),
  generateKeyPairSync("ed25519"),
];

const spkiDer = (key: KeyObject): Uint8Array => key.export({ type: "spki", format: "der" });
const publicPem = (der: Uint8Array): string =>
  `-----BEGIN PUBLIC KEY-----\n${btoa(String.fromCharCode(...der))}\n-----END PUBLIC KEY-----\n`;

async function refuses(code: SignerErrorCode, key: Parameters<typeof keyId>[0]): Promise<void> {
  await assert.rejects(keyId(key), (error) => {
    assert.ok(error instanceof SignerError);
    assert.equal(error.code, code, error.message);
    return true;
  });
}

Deno.test("keyId() refuses the private half of a CryptoKey pair that keeps it, and takes the public", async () => {
  const params = { name: "ECDSA", namedCurve: "P-256" };
  const pair = await crypto.subtle.generateKey(params, false, ["sign", "verify"]);
  await refuses("kid_unavailable", pair.privateKey);
  assert.match(await keyId(pair.publicKey), /^[A-Za-z0-9_-]{43}$/);
});

Deno.test("keyId() refuses a second spelling of one key", async () => {
  const der = spkiDer(p256.publicKey);
  const compressed = Uint8Array.of(
    ...[0x30, 0x39, ...der.subarray(2, 23)],
    ...[0x03, 0x22, 0x00, 2 + ((der.at(-1) ?? 0) & 1), ...der.subarray(27, 59)],
  );
  await refuses("invalid_key", publicPem(compressed));
  await refuses("invalid_key", publicPem(Uint8Array.of(...der, 0)));
  const longLength = Uint8Array.of(0x30, 0x81, ...der.subarray(1));
  await refuses("invalid_key", publicPem(longLength));
  await keyId(publicPem(der));
});

Deno.test("keyId() refuses what has no id here", async () => {
  await refuses("unsupported_key", publicPem(spkiDer(generateKeyPairSync("x25519").publicKey)));
  await refuses("unsupported_key", { kty: "oct", k: "c2VjcmV0" } as { kty: string });
  await refuses("invalid_key", { kty: "RSA", e: "AQAB" });
  await refuses("invalid_key", "");
  const params = { name: "ECDH", namedCurve: "P-256" };
  const agreement = await crypto.subtle.generateKey(params, false, ["deriveBits"]);
  await refuses("unsupported_key", agreement.privateKey);
  // @ts-expect-error: callers without types pass anything
  await assert.rejects(keyId(undefined), TypeError);
});

Deno.test("keyId() is SHA-256 of the SPKI DER for both halves in every form", async () => {
  for (const { publicKey, privateKey } of pairs) {
    const expected = createHash("sha256").update(spkiDer(publicKey)).digest("base64url");
    const forms = [
      String(publicKey.export({ type: "spki", format: "pem" })),
      String(privateKey.export({ type: "pkcs8", format: "pem" })),
      publicKey.export({ format: "jwk" }),
      privateKey.export({ format: "jwk" }),
      { ...publicKey.export({ format: "jwk" }), kid: "another", alg: "RS512" },
    ];
    for (const form of forms) assert.equal(await keyId(form), expected);
  }
});

Deno.test("keyId() is the same for both halves of an extractable CryptoKey pair", async () => {
  const params = { name: "ECDSA", namedCurve: "P-384" };
  const pair = await crypto.subtle.generateKey(params, true, ["sign", "verify"]);
  assert.equal(await keyId(pair.privateKey), await keyId(pair.publicKey));
});
