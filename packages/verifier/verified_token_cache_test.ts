import assert from "node:assert/strict";
import {
  isRefusal,
  keyOf,
  makeKey,
  makeRecord,
  makeToken,
  NOW,
  verify,
} from "./fixtures/tokens.ts";
import type { IssuerRecord } from "./mod.ts";
import { VerifiedTokenCache } from "./mod.ts";
import { parseToken, splitToken } from "./token/parse.ts";
import { recall, remember } from "./verified_token_cache.ts";

/** Counts signature checks while a function runs. */
async function countSignatureChecks(body: () => Promise<unknown>): Promise<number> {
  const { verify: original } = crypto.subtle;
  let checks = 0;
  crypto.subtle.verify = (...args) => {
    checks += 1;
    return original.apply(crypto.subtle, args);
  };
  try {
    await body();
  } finally {
    crypto.subtle.verify = original;
  }
  return checks;
}

const attempt = async (
  cache: VerifiedTokenCache,
  token: string,
  record: IssuerRecord,
  options: Parameters<typeof verify>[2] = {},
): Promise<number> =>
  await countSignatureChecks(() => verify(token, record, { cache, ...options }));

Deno.test("VerifiedTokenCache spares the signature check of a token seen before", async () => {
  const cache = new VerifiedTokenCache();
  const record = await makeRecord();
  const token = await makeToken();
  assert.equal(await attempt(cache, token, record), 1);
  assert.equal(await attempt(cache, token, record), 0);
  const [first, second] = await Promise.all([
    verify(token, record, { cache }),
    verify(token, record),
  ]);
  assert.deepEqual(first, second);
  // The same object, by which the proxy knows a token that it has minted for.
  assert.equal((await verify(token, record, { cache })).claims, first?.claims);
});

Deno.test("VerifiedTokenCache takes a token with another signature for another token", async () => {
  const cache = new VerifiedTokenCache();
  const record = await makeRecord();
  const token = await makeToken();
  await attempt(cache, token, record);
  for (
    const forged of [`${token.slice(0, -8)}AAAAAAAA`, `${token.slice(0, -86)}${"A".repeat(86)}`]
  ) {
    await assert.rejects(
      verify(forged, record, { cache }),
      (error) => isRefusal(error, "bad_signature"),
    );
  }
  assert.equal(cache.size, 1);
});

Deno.test("VerifiedTokenCache checks the signature again after any change of the record", async () => {
  const cache = new VerifiedTokenCache();
  const record = await makeRecord();
  const token = await makeToken();
  await attempt(cache, token, record);
  const sameKeys = { ...record };
  assert.equal(await attempt(cache, token, sameKeys), 1);
  assert.equal(await attempt(cache, token, sameKeys), 0);
});

Deno.test("VerifiedTokenCache doesn't outlive a revocation", async () => {
  const cache = new VerifiedTokenCache();
  const record = await makeRecord();
  const token = await makeToken();
  const { kid } = await keyOf("EdDSA");
  await attempt(cache, token, record);
  for (
    const [changed, reason] of [
      [{ ...record, isActive: false }, "inactive_issuer"],
      [{ ...record, keys: [], revokedKids: [kid] }, "revoked_key"],
      [{ ...record, keys: [] }, "unknown_key"],
    ] as const
  ) {
    await assert.rejects(
      verify(token, changed, { cache }),
      (error) => isRefusal(error, reason),
    );
  }
});

Deno.test("VerifiedTokenCache checks times, audience, issuer and policy on every hit", async () => {
  const cache = new VerifiedTokenCache();
  const key = { ...await keyOf("EdDSA"), notAfter: NOW + 30 };
  const record = await makeRecord({ keys: [key] });
  const token = await makeToken();
  await attempt(cache, token, record);
  for (
    const [options, reason] of [
      [{ now: () => (NOW + 29) * 1000, audience: "other" }, "wrong_audience"],
      [{ now: () => (NOW + 30) * 1000 }, "key_not_current"],
      [{ now: () => (NOW - 6) * 1000 }, "not_yet_valid"],
      [{ allowedIssuers: ["shipping"] }, "issuer_not_allowed"],
    ] as const
  ) {
    await assert.rejects(
      verify(token, record, { cache, ...options }),
      (error) => isRefusal(error, reason),
    );
  }
  const longer = await makeRecord({ keys: [{ ...key, notAfter: null }] });
  await attempt(cache, token, longer);
  await assert.rejects(
    verify(token, longer, { cache, now: () => (NOW + 65) * 1000 }),
    (error) => isRefusal(error, "expired"),
  );
});

Deno.test("VerifiedTokenCache doesn't outlive the key of a token without kid", async () => {
  const cache = new VerifiedTokenCache();
  const retiring = { ...await keyOf("EdDSA"), notAfter: NOW + 30 };
  const record = await makeRecord({ keys: [retiring, await makeKey("EdDSA")] });
  const token = await makeToken({ header: { kid: undefined } });
  await attempt(cache, token, record);
  assert.equal(await attempt(cache, token, record, { now: () => (NOW + 29) * 1000 }), 0);
  await assert.rejects(
    verify(token, record, { cache, now: () => (NOW + 30) * 1000 }),
    (error) => isRefusal(error, "bad_signature"),
  );
});

Deno.test("VerifiedTokenCache remembers nothing that was refused", async () => {
  const cache = new VerifiedTokenCache();
  const record = await makeRecord();
  const refused = [
    {},
    { iss: "shipping" },
    { exp: NOW - 30, iat: NOW - 60 },
    { aud: "other" },
    { role: "shipping_writer" },
    { email: "a@example.com" },
  ].map((claims, index) =>
    makeToken(index === 0 ? { signature: () => new Uint8Array(64) } : { claims })
  );
  for (const token of await Promise.all(refused)) {
    await assert.rejects(verify(token, record, { cache }));
  }
  assert.equal(cache.size, 0);
});

Deno.test("VerifiedTokenCache is never used for an issuer with single use", async () => {
  const cache = new VerifiedTokenCache();
  const record = await makeRecord();
  const singleUse = await makeRecord({ policy: { singleUse: true } });
  const token = await makeToken();
  assert.equal(await attempt(cache, token, singleUse), 1);
  assert.equal(await attempt(cache, token, singleUse), 1);
  assert.equal(cache.size, 0);
  await attempt(cache, token, record);
  assert.equal(await attempt(cache, token, singleUse), 1);
});

Deno.test("VerifiedTokenCache keeps what was used last, up to its bound", async () => {
  const cache = new VerifiedTokenCache({ maxEntries: 2 });
  const record = await makeRecord();
  const [a, b, c] = await Promise.all(
    ["a", "b", "c"].map((jti) => makeToken({ claims: { jti } })),
  );
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  await attempt(cache, a, record);
  await attempt(cache, b, record);
  await attempt(cache, a, record);
  await attempt(cache, c, record);
  assert.equal(cache.size, 2);
  assert.equal(await attempt(cache, a, record), 0);
  assert.equal(await attempt(cache, c, record), 0);
  assert.equal(await attempt(cache, b, record), 1);
  cache.clear();
  assert.equal(cache.size, 0);
});

Deno.test("VerifiedTokenCache holds one token, and a thousand where nothing else is said", async () => {
  const record = await makeRecord();
  const token = await makeToken();
  const { jwt, key } = {
    jwt: parseToken(splitToken(token)),
    key: await keyOf("EdDSA"),
  };
  for (
    const [cache, most] of [
      [new VerifiedTokenCache({ maxEntries: 1 }), 1],
      [new VerifiedTokenCache(), 1_000],
      [new VerifiedTokenCache({}), 1_000],
    ] as const
  ) {
    for (let n = 0; n < most; n++) remember(cache, `${n}`, { jwt, record, key });
    assert.equal(cache.size, most);
    remember(cache, "one more", { jwt, record, key });
    assert.ok(cache.size <= most);
    assert.notEqual(recall(cache, "one more"), undefined);
  }
});

Deno.test("VerifiedTokenCache() rejects a bound that is none", () => {
  for (const maxEntries of [0, -1, 1.5, NaN, Infinity, "2", null]) {
    const options = { maxEntries: maxEntries as number };
    assert.throws(() => new VerifiedTokenCache(options), { message: /"maxEntries"/ });
  }
  const misspelled: object = { maxEntires: 2 };
  assert.throws(() => new VerifiedTokenCache(misspelled), { message: /"maxEntires"/ });
});
