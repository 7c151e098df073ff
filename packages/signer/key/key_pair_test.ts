import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { jwtVerify } from "jose";
import { SignerError } from "../errors.ts";
import { keyId } from "./key_id.ts";
import { generateIssuerKeyPair } from "./key_pair.ts";
import { signMultiIssuerJwt } from "../sign.ts";
import type { Algorithm } from "../types.ts";

const ALGORITHMS: Algorithm[] = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"];

Deno.test("generateIssuerKeyPair() refuses lengths that are too short or not common, and takes 3072", async () => {
  for (const modulusLength of [1024, 2047, 2049, 8192, 0, NaN, "2048"]) {
    await assert.rejects(
      // @ts-expect-error: callers without types pass anything
      generateIssuerKeyPair({ modulusLength }),
      RangeError,
    );
  }
  const { publicKey } = await generateIssuerKeyPair({ modulusLength: 3072 });
  assert.equal(createPublicKey(publicKey).asymmetricKeyDetails?.modulusLength, 3072);
});

Deno.test("generateIssuerKeyPair() refuses a length for keys that have one size", async () => {
  await assert.rejects(
    generateIssuerKeyPair({ algorithm: "ES256", modulusLength: 2048 }),
    RangeError,
  );
  await generateIssuerKeyPair({ algorithm: "ES256" });
});

Deno.test("generateIssuerKeyPair() refuses algorithms that are not ours", async () => {
  for (const algorithm of ["HS256", "ES512", "none", ""]) {
    await assert.rejects(
      // @ts-expect-error: callers without types pass anything
      generateIssuerKeyPair({ algorithm }),
      (error) => error instanceof SignerError && error.code === "unsupported_algorithm",
    );
  }
});

Deno.test("generateIssuerKeyPair() makes RS256 keys of 2048 bits by default", async () => {
  const { algorithm, publicKey } = await generateIssuerKeyPair();
  assert.equal(algorithm, "RS256");
  const { asymmetricKeyType, asymmetricKeyDetails } = createPublicKey(publicKey);
  assert.equal(asymmetricKeyType, "rsa");
  assert.equal(asymmetricKeyDetails?.modulusLength, 2048);
  assert.equal(asymmetricKeyDetails?.publicExponent, 65537n);
});

Deno.test("generateIssuerKeyPair() makes pairs that sign and verify with every algorithm", async () => {
  for (const algorithm of ALGORITHMS) {
    const pair = await generateIssuerKeyPair({ algorithm });
    assert.equal(pair.algorithm, algorithm);
    assert.match(
      pair.privateKey,
      /^-----BEGIN PRIVATE KEY-----\n[^-]+\n-----END PRIVATE KEY-----\n$/,
    );
    assert.match(pair.publicKey, /^-----BEGIN PUBLIC KEY-----\n[^-]+\n-----END PUBLIC KEY-----\n$/);
    assert.equal(createPrivateKey(pair.privateKey).type, "private");
    assert.equal(await keyId(pair.privateKey), pair.kid);

    const { privateKey } = pair;
    const token = await signMultiIssuerJwt({
      privateKey,
      algorithm,
      issuer: "my-service",
      claims: { sub: "job-1" },
    });
    const { protectedHeader } = await jwtVerify(token, createPublicKey(pair.publicKey), {
      algorithms: [algorithm],
    });
    assert.equal(protectedHeader.kid, pair.kid);
  }
});
