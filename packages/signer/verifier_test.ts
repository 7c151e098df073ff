import assert from "node:assert/strict";
import {
  importPublicKey,
  type IssuerRecord,
  keyId as registeredKeyId,
  memoryKeySource,
  verifyMultiIssuerJwt,
  type VerifyResult,
} from "@countersign/verifier";
import fc from "fast-check";
import { SignerError } from "./errors.ts";
import { generateIssuerKeyPair, type IssuerKeyPair } from "./key/key_pair.ts";
import { signMultiIssuerJwt } from "./sign.ts";
import { createTokenSource } from "./token_source.ts";
import type { Algorithm } from "./types.ts";

const NOW = 1_764_000_000_500;
const now = () => NOW;
const ALGORITHMS: Algorithm[] = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"];

/** A target that has `pair` registered for my-service. */
function target(
  { kid, algorithm, publicKey }: IssuerKeyPair,
): (token: string) => Promise<VerifyResult> {
  const record: IssuerRecord = {
    issuer: "my-service",
    isActive: true,
    policy: {
      allowedRoles: ["widgets_writer"],
      defaultRole: null,
      allowedSubjects: null,
      allowUserSubjects: false,
      allowedClaims: null,
      audiences: null,
      maxTokenLifetime: 300,
      rejectIssuedBefore: null,
      singleUse: false,
      mode: "enforce",
    },
    keys: [{ kid, algorithm, publicKey, notBefore: null, notAfter: null }],
    revokedKids: [],
  };
  const keySource = memoryKeySource([record]);
  return (token) =>
    verifyMultiIssuerJwt(token, { keySource, audience: "prod-abc123", requireAudience: true, now });
}

const options = {
  issuer: "my-service",
  audience: "prod-abc123",
  claims: { sub: "job-1", role: "widgets_writer" },
  now,
};

Deno.test("a target refuses the token of a key it does not know, and takes that of the one it does", async () => {
  const algorithm = "ES256";
  const [registered, other] = await Promise.all([
    generateIssuerKeyPair({ algorithm }),
    generateIssuerKeyPair({ algorithm }),
  ]);
  const verify = target(registered);
  const foreign = await signMultiIssuerJwt({ ...options, privateKey: other.privateKey });
  await assert.rejects(verify(foreign), { reason: "unknown_key" });
  const own = await signMultiIssuerJwt({ ...options, privateKey: registered.privateKey });
  assert.equal((await verify(own)).role, "widgets_writer");
});

Deno.test("a target takes the tokens of every algorithm, for the key that their kid names", async () => {
  for (const algorithm of ALGORITHMS) {
    const pair = await generateIssuerKeyPair({ algorithm });
    await importPublicKey(pair.publicKey, algorithm);
    assert.equal(await registeredKeyId(pair.publicKey), pair.kid);

    const signing = { ...options, privateKey: pair.privateKey, algorithm };
    for (const token of [await signMultiIssuerJwt(signing), await createTokenSource(signing)()]) {
      const { matchedKey, claims } = await target(pair)(token);
      assert.deepEqual([matchedKey.kid, matchedKey.algorithm], [pair.kid, algorithm]);
      assert.deepEqual([claims.sub, claims.aud], ["job-1", "prod-abc123"]);
    }
  }
});

Deno.test("a target takes a token without kid, from a key that cannot be exported", async () => {
  const params = { name: "ECDSA", namedCurve: "P-256" };
  const pair = await generateIssuerKeyPair({ algorithm: "ES256" });
  const der = Uint8Array.from(
    atob(pair.privateKey.replace(/-----[A-Z ]+-----|\s/g, "")),
    (char) => char.charCodeAt(0),
  );
  const privateKey = await crypto.subtle.importKey("pkcs8", der, params, false, ["sign"]);
  const { matchedKey } = await target(pair)(await signMultiIssuerJwt({ ...options, privateKey }));
  assert.equal(matchedKey.kid, pair.kid);
});

Deno.test("a target takes every claims set that the signer lets through", async () => {
  const pair = await generateIssuerKeyPair({ algorithm: "EdDSA" });
  const claims = {
    ...options.claims,
    jti: "order-7",
    nbf: 1_764_000_000,
    shop: 'Käse 🧀 "quoted" \\ : {}',
    limits: { widgets: [1, -0.5, 2 ** 53 - 1, null, true], nested: { deep: [[[[]]]] } },
  };
  const token = await signMultiIssuerJwt({ ...options, claims, privateKey: pair.privateKey });
  const { iss: _, iat: __, exp: ___, aud: ____, ...others } = (await target(pair)(token)).claims;
  assert.deepEqual(others, claims);
});

Deno.test("a target takes whatever the signer signs, as far as no policy is against it", async () => {
  const { privateKey, ...pair } = await generateIssuerKeyPair({ algorithm: "EdDSA" });
  const verify = target({ privateKey, ...pair });
  const text = fc.oneof(
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }),
    fc.string({ unit: "binary", maxLength: 300 }),
    fc.constantFrom("a\nb", "\u0085", "x".repeat(255), "x".repeat(256), "", "line\u2028"),
  );
  const claims = fc.record({
    sub: text,
    jti: fc.option(text, { nil: undefined }),
    nbf: fc.option(fc.integer({ min: 0, max: 4e9 }), { nil: undefined }),
    note: fc.option(fc.jsonValue(), { nil: undefined }),
    count: fc.option(fc.double(), { nil: undefined }),
  }, { requiredKeys: ["sub"] });
  // What only the target's policy and clock decide.
  const policys = ["subject_not_allowed", "not_yet_valid"];
  let signed = 0;
  await fc.assert(
    fc.asyncProperty(claims, async (given) => {
      const own = Object.fromEntries(
        Object.entries(given).filter(([, value]) => value !== undefined),
      );
      let token: string;
      try {
        const full = { ...own, sub: given.sub, role: "widgets_writer" };
        token = await signMultiIssuerJwt({ ...options, claims: full, privateKey });
      } catch (error) {
        assert.ok(error instanceof SignerError, String(error));
        return;
      }
      signed++;
      await verify(token).catch((error) =>
        assert.ok(policys.includes(error.reason), String(error))
      );
    }),
    { numRuns: 200 },
  );
  assert.ok(signed > 20, `${signed}`);
});

Deno.test("signMultiIssuerJwt() refuses an option that it does not know", async () => {
  const { privateKey } = await generateIssuerKeyPair({ algorithm: "EdDSA" });
  const good = { ...options, privateKey };
  for (const wrong of [{ expiresin: "5m" }, { audiance: "x" }, { reuse: 0.5 }]) {
    const [name = ""] = Object.keys(wrong);
    const given = { ...good, ...wrong };
    await assert.rejects(
      async () => await Reflect.apply(signMultiIssuerJwt, undefined, [given]),
      (error) => error instanceof TypeError && error.message.includes(`"${name}"`),
    );
    if ("reuse" in wrong) createTokenSource(given);
    else assert.throws(() => createTokenSource(given), TypeError);
  }
  const pair = { algorithm: "EdDSA", modulusLenght: 4096 };
  await assert.rejects(
    async () => await Reflect.apply(generateIssuerKeyPair, undefined, [pair]),
    TypeError,
  );
  await signMultiIssuerJwt(good);
});
