import { memoryKeySource, type SealKey, type VerifyResult } from "@countersign/verifier";
import assert from "node:assert/strict";
import { createMinter, downstreamClaims } from "./downstream_token.ts";
import {
  bytesOf,
  headerOf,
  makeIssuer,
  NOW,
  NOW_SEC,
  payloadOf,
  SEAL_KEY,
  SECRET,
} from "@countersign/fixture";
import { hs256Signer } from "./hs256_signer.ts";
import { sealOf } from "./seal.ts";

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

Deno.test("downstreamClaims() leaves the claims alone but for role, times and the mark", () => {
  const aud = ["a", "b"];
  const claims = downstreamClaims(
    verified({ sub: "w", aud, tenant: { id: 1 }, jti: "j" }),
    NOW_SEC,
  );
  assert.deepEqual(claims, {
    iss: "service-a",
    sub: "w",
    aud,
    exp: NOW_SEC + 30,
    jti: "j",
    tenant: { id: 1 },
    role: "widgets_writer",
    countersign: { kid, jti: "j", iat: NOW_SEC },
  });
});

Deno.test("downstreamClaims() makes an audience of one a string, as PostgREST 12 does", () => {
  for (const [aud, seen] of [[["a"], "a"], ["a", "a"], [["a", "b"], ["a", "b"]]]) {
    assert.deepEqual(downstreamClaims(verified({ aud }), NOW_SEC).aud, seen);
  }
  assert.ok(!("aud" in downstreamClaims(verified(), NOW_SEC)));
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
  const forged = verified({ countersign: { kid: "other", jti: "other", seal: "other" } });
  assert.deepEqual(downstreamClaims(forged, NOW_SEC).countersign, { kid, iat: NOW_SEC });
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

/** A source that hands out this key for sealing. */
const sealing = (sealKey: () => SealKey | undefined | Promise<SealKey | undefined>) => ({
  ...memoryKeySource([]),
  sealKey,
});
const now = () => NOW;

Deno.test("createMinter() seals every claim with the key that the source hands out", async () => {
  const mint = createMinter({
    signer: hs256Signer(SECRET),
    keySource: sealing(() => SEAL_KEY),
    now,
  });
  const inbound = verified({ tenant: { "é": [1e21, 0.5] }, jti: "j" });
  const { countersign, ...claims } = payloadOf(await mint(inbound));
  const unsealed = downstreamClaims(inbound, NOW_SEC);
  assert.deepEqual({ ...claims, countersign }, {
    ...unsealed,
    countersign: { ...unsealed.countersign, seal: await sealOf(unsealed, SEAL_KEY) },
  });
  const later = createMinter({
    signer: hs256Signer(SECRET),
    keySource: sealing(() => Promise.resolve(SEAL_KEY)),
    now,
  });
  assert.deepEqual(payloadOf(await later(inbound)), { ...claims, countersign });
});

Deno.test("createMinter() signs nothing where the registry holds no key to seal with", async () => {
  let signed = 0;
  const signer = { sign: () => Promise.resolve(`token-${++signed}`) };
  for (const none of [() => undefined, () => Promise.resolve(undefined)]) {
    const mint = createMinter({ signer, keySource: sealing(none), now });
    await assert.rejects(async () => await mint(verified()), { code: "seal_key_missing" });
  }
  const unreadable = sealing(() => Promise.reject(new Error("gone")));
  const mint = createMinter({ signer, keySource: unreadable, now });
  await assert.rejects(async () => await mint(verified()), /gone/);
  assert.equal(signed, 0);
});

Deno.test("createMinter() leaves the seal out only where the source knows none", async () => {
  const keySource = memoryKeySource([]);
  const mint = createMinter({ signer: hs256Signer(SECRET), keySource, now });
  assert.deepEqual(payloadOf(await mint(verified())).countersign, { kid, iat: NOW_SEC });
});

/** A minter of numbered tokens, on a clock that tests move. */
function numbering() {
  let signed = 0;
  const clock = { now: NOW, sealKey: SEAL_KEY };
  const mint = createMinter({
    signer: { sign: () => Promise.resolve(`token-${++signed}`) },
    keySource: sealing(() => clock.sealKey),
    now: () => clock.now,
  });
  return { mint, clock };
}

Deno.test("createMinter() sends a token again only with the same inbound token, role and keys", async () => {
  const { mint, clock } = numbering();
  const inbound = verified();
  assert.equal(await mint(inbound), "token-1");
  assert.equal(mint(inbound), "token-1"); // Without a promise.
  assert.equal(await mint({ ...inbound, role: "reader" }), "token-2");
  assert.equal(await mint(verified()), "token-3");
  const matchedKey = { ...inbound.matchedKey, kid: "k" };
  assert.equal(await mint({ ...inbound, role: "reader", matchedKey }), "token-4");
  clock.sealKey = { ...SEAL_KEY, id: "seal-2" };
  assert.equal(await mint({ ...inbound, role: "reader", matchedKey }), "token-5");
});

Deno.test("createMinter() sends a token again for less than ten seconds", async () => {
  const { mint, clock } = numbering();
  const inbound = verified();
  assert.equal(await mint(inbound), "token-1");
  clock.now += 9_999;
  assert.equal(mint(inbound), "token-1");
  clock.now += 1;
  assert.equal(await mint(inbound), "token-2");
  clock.now += 9_999;
  assert.equal(mint(inbound), "token-2");
  clock.now -= 10_999; // The clock was set back to before the token was made.
  assert.equal(await mint(inbound), "token-3");
});
