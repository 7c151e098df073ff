import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, type KeyObject } from "node:crypto";
import { compactVerify, decodeProtectedHeader, jwtVerify, type JWTVerifyResult } from "jose";
import { SignerError, type SignerErrorCode } from "./errors.ts";
import { signMultiIssuerJwt } from "./sign.ts";
import type { Algorithm, SignOptions } from "./types.ts";

const NOW = 1_764_000_000_500;
const now = () => NOW;

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const pairs: Record<Algorithm, { publicKey: KeyObject; privateKey: KeyObject }> = {
  RS256: rsa,
  RS384: rsa,
  RS512: rsa,
  PS256: rsa,
  ES256: p256,
  ES384: generateKeyPairSync("ec", { namedCurve: "P-384" }),
  EdDSA: generateKeyPairSync("ed25519"),
};
const ALGORITHMS = Object.keys(pairs) as Algorithm[];

const pkcs8 = (key: KeyObject): string => String(key.export({ type: "pkcs8", format: "pem" }));
const PRIVATE_KEY = pkcs8(p256.privateKey);
const minimal: SignOptions = {
  privateKey: PRIVATE_KEY,
  issuer: "my-service",
  claims: { sub: "job-1" },
  now,
};

async function verify(token: string, algorithm: Algorithm = "ES256"): Promise<JWTVerifyResult> {
  const { publicKey } = pairs[algorithm];
  return await jwtVerify(token, publicKey, { algorithms: [algorithm], currentDate: new Date(NOW) });
}

async function refuses(code: SignerErrorCode, options: Partial<SignOptions>): Promise<void> {
  await assert.rejects(
    signMultiIssuerJwt({ ...minimal, ...options }),
    (error) => error instanceof SignerError && error.code === code,
  );
}

Deno.test("signMultiIssuerJwt() refuses each wrong option by a rejection, never by a throw", async () => {
  await refuses("invalid_key", { privateKey: "./my-service.key" });
  await refuses("invalid_issuer", { issuer: "" });
  await refuses("invalid_audience", { audience: "" });
  await refuses("invalid_duration", { expiresIn: "soon" });
  await refuses("unsupported_algorithm", { algorithm: "HS256" as Algorithm });
  await refuses("invalid_kid", { kid: "key-1" });
  await refuses("invalid_claims", { claims: { sub: "job-1", size: NaN } });
  await refuses("reserved_claim", { claims: { sub: "job-1", exp: 1_764_000_060 } });
  await assert.rejects(signMultiIssuerJwt({ ...minimal, now: () => NaN }), RangeError);
  // @ts-expect-error: callers without types pass anything
  await assert.rejects(signMultiIssuerJwt(undefined), TypeError);
  await verify(await signMultiIssuerJwt(minimal));
});

Deno.test("signMultiIssuerJwt() refuses a token longer than targets accept, and signs the longest", async () => {
  const padded = (length: number) => ({ claims: { sub: "job-1", padding: "x".repeat(length) } });
  await refuses("token_too_large", padded(6000));
  let [fits, tooLong] = [5000, 6000];
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    const signed = await signMultiIssuerJwt({ ...minimal, ...padded(middle) }).catch(() =>
      undefined
    );
    if (signed === undefined) tooLong = middle;
    else fits = middle;
  }
  const longest = await signMultiIssuerJwt({ ...minimal, ...padded(fits) });
  assert.ok(longest.length > 8188 && longest.length <= 8192);
});

Deno.test("signMultiIssuerJwt() refuses a CryptoKey that signs with nothing, and signs with its twin", async () => {
  const params = { name: "ECDSA", namedCurve: "P-256" };
  const [der, spki] = [
    new Uint8Array(p256.privateKey.export({ type: "pkcs8", format: "der" })),
    new Uint8Array(p256.publicKey.export({ type: "spki", format: "der" })),
  ];
  const privateKey = await crypto.subtle.importKey("pkcs8", der, params, false, ["sign"]);
  const publicKey = await crypto.subtle.importKey("spki", spki, params, true, ["verify"]);
  await refuses("not_a_private_key", { privateKey: publicKey });
  const token = await signMultiIssuerJwt({ ...minimal, privateKey });
  await verify(token);
  assert.deepEqual(decodeProtectedHeader(token), { alg: "ES256", typ: "JWT" });
});

Deno.test("signMultiIssuerJwt() signs with every algorithm, from PEM and from a JWK", async () => {
  for (const algorithm of ALGORITHMS) {
    const { privateKey, publicKey } = pairs[algorithm];
    const spki = publicKey.export({ type: "spki", format: "der" });
    const kid = createHash("sha256").update(spki).digest("base64url");
    for (const key of [pkcs8(privateKey), privateKey.export({ format: "jwk" })]) {
      const token = await signMultiIssuerJwt({ ...minimal, privateKey: key, algorithm });
      const { protectedHeader } = await verify(token, algorithm);
      assert.deepEqual(protectedHeader, { alg: algorithm, kid, typ: "JWT" });
    }
  }
});

Deno.test("signMultiIssuerJwt() signs with RS256 for 60 seconds unless told otherwise", async () => {
  const privateKey = pkcs8(rsa.privateKey);
  const { protectedHeader, payload } = await verify(
    await signMultiIssuerJwt({ ...minimal, privateKey }),
    "RS256",
  );
  assert.equal(protectedHeader.alg, "RS256");
  const { jti: _, ...claims } = payload;
  assert.deepEqual(claims, {
    sub: "job-1",
    iss: "my-service",
    iat: 1_764_000_000,
    exp: 1_764_000_060,
  });
});

Deno.test("signMultiIssuerJwt() says what it was told to say", async () => {
  const { payload } = await verify(
    await signMultiIssuerJwt({
      ...minimal,
      audience: ["prod-abc123", "https://prod-abc123.supabase.co"],
      claims: {
        sub: "job-1",
        role: "widgets_writer",
        jti: "order-7",
        nbf: 1_764_000_000,
        shop: "Käse 🧀",
      },
      expiresIn: "5m",
    }),
  );
  assert.deepEqual(payload, {
    jti: "order-7",
    sub: "job-1",
    role: "widgets_writer",
    nbf: 1_764_000_000,
    shop: "Käse 🧀",
    aud: ["prod-abc123", "https://prod-abc123.supabase.co"],
    iss: "my-service",
    iat: 1_764_000_000,
    exp: 1_764_000_300,
  });
});

Deno.test("signMultiIssuerJwt() reads the clock by default", async () => {
  const { now: _, ...options } = minimal;
  const before = Math.floor(Date.now() / 1000);
  const { payload } = await compactVerify(await signMultiIssuerJwt(options), p256.publicKey);
  const { iat, exp } = JSON.parse(new TextDecoder().decode(payload));
  assert.ok(iat >= before && iat <= Date.now() / 1000);
  assert.equal(exp - iat, 60);
});
