import type { VerifyResult } from "@countersign/verifier";
import assert from "node:assert/strict";
import { createMinter, downstreamClaims } from "./downstream_token.ts";
import {
  bytesOf,
  headerOf,
  makeIssuer,
  NOW,
  NOW_SEC,
  payloadOf,
  SECRET,
} from "@countersign/fixture";
import { hs256Signer } from "./hs256_signer.ts";

const { record } = await makeIssuer("service-a");
const key = record.keys[0];
assert.ok(key);
const { kid, algorithm } = key;

function verified(claims: Record<string, unknown> = {}, role = "widgets_writer"): VerifyResult {
  return {
    claims: { iss: "service-a", iat: NOW_SEC, exp: NOW_SEC + 60, ...claims },
    role,
    matchedKey: { issuer: "service-a", algorithm, is_active: true, kid },
    record,
    observed: [],
  };
}

Deno.test("downstreamClaims() leaves the claims alone but for role, exp and the mark", () => {
  const aud = ["a", "b"];
  const claims = downstreamClaims(
    verified({ sub: "w", aud, tenant: { id: 1 }, jti: "j" }),
    NOW_SEC,
  );
  assert.deepEqual(claims, {
    iss: "service-a",
    sub: "w",
    aud,
    iat: NOW_SEC,
    exp: NOW_SEC + 30,
    jti: "j",
    tenant: { id: 1 },
    role: "widgets_writer",
    countersign: { kid, jti: "j" },
  });
});

Deno.test("downstreamClaims() never outlives the inbound token, nor thirty seconds", () => {
  assert.equal(downstreamClaims(verified({ exp: NOW_SEC + 10 }), NOW_SEC).exp, NOW_SEC + 10);
  assert.equal(downstreamClaims(verified({ exp: NOW_SEC + 300 }), NOW_SEC).exp, NOW_SEC + 30);
});

Deno.test("downstreamClaims() has the resolved role, whatever was claimed", () => {
  assert.equal(
    downstreamClaims(verified({ role: "service_role" }), NOW_SEC).role,
    "widgets_writer",
  );
});

Deno.test("downstreamClaims() overrides a mark that came with the token", () => {
  const forged = verified({ countersign: { kid: "other", jti: "other" } });
  assert.deepEqual(downstreamClaims(forged, NOW_SEC).countersign, { kid });
});

Deno.test("hs256Signer() signs what PostgREST verifies with the secret, without a kid", async () => {
  const key = await crypto.subtle.importKey(
    "raw",
    new TextEncoder().encode(SECRET),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["verify"],
  );
  const claims = {
    name: 'naïve "quoted" \\ 鍵 🔑 \u2028',
    n: 1.5,
    nested: [null, true, { a: "é" }],
  };
  const token = await hs256Signer(SECRET).sign(claims);
  const [header = "", payload = "", signature = ""] = token.split(".");
  const signed = new TextEncoder().encode(`${header}.${payload}`);
  assert.ok(await crypto.subtle.verify("HMAC", key, bytesOf(signature), signed));
  assert.deepEqual(headerOf(token), { alg: "HS256", typ: "JWT" });
  assert.deepEqual(payloadOf(token), claims);
  assert.match(token, /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}$/);
});

Deno.test("hs256Signer() refuses a secret that HS256 may not use", () => {
  for (const secret of ["", "x".repeat(31)]) {
    assert.throws(() => hs256Signer(secret), (error: Error) => {
      return error.name === "ConfigurationError" &&
        (secret === "" || !error.message.includes(secret));
    });
  }
  hs256Signer("é".repeat(16)); // 32 bytes.
});

Deno.test("createMinter() sends a token again only with the same inbound token, role and time", async () => {
  let now = NOW;
  let signed = 0;
  const mint = createMinter({ sign: () => Promise.resolve(`token-${++signed}`) }, () => now);
  const inbound = verified();
  assert.equal(await mint(inbound), "token-1");
  now += 9_000;
  assert.equal(mint(inbound), "token-1"); // Without a promise.
  assert.equal(await mint({ ...inbound, role: "reader" }), "token-2");
  assert.equal(await mint(verified()), "token-3");
  assert.equal(
    await mint({ ...inbound, matchedKey: { ...inbound.matchedKey, kid: "k" } }),
    "token-4",
  );
  now += 1_000;
  assert.equal(await mint(inbound), "token-5");
  now -= 60_000; // The clock was set back.
  assert.equal(await mint(inbound), "token-6");
});
