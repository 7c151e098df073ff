import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { decodeJwt, decodeProtectedHeader, jwtVerify } from "jose";
import { SignerError } from "./errors.ts";
import { createTokenSource, type TokenSourceOptions } from "./token_source.ts";
import type { SignClaims } from "./types.ts";

const START = 1_764_000_000_000;
const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const PRIVATE_KEY = String(p256.privateKey.export({ type: "pkcs8", format: "pem" }));

/** A clock that moves only when it is told to. */
class Clock {
  epochMs = START;
  readonly now = () => this.epochMs;
}

function options(more: Partial<TokenSourceOptions> = {}): TokenSourceOptions {
  return {
    privateKey: PRIVATE_KEY,
    issuer: "my-service",
    claims: { sub: "job-1" },
    now: () => START,
    ...more,
  };
}

/** Counts the imports of private keys while `run` runs. */
async function countImports(run: () => Promise<unknown>): Promise<number> {
  const { importKey } = crypto.subtle;
  let imports = 0;
  crypto.subtle.importKey = function (...args: Parameters<typeof importKey>) {
    if (String(args[0]) === "pkcs8") imports++;
    return Reflect.apply(importKey, crypto.subtle, args);
  } as typeof importKey;
  try {
    await run();
  } finally {
    crypto.subtle.importKey = importKey;
  }
  return imports;
}

Deno.test("createTokenSource() throws at once for what is wrong from the start", () => {
  const wrong: [Partial<TokenSourceOptions>, string][] = [
    [{ privateKey: "./my-service.key" }, "invalid_key"],
    [{ algorithm: "RS256" }, "algorithm_mismatch"],
    [{ kid: "key-1" }, "invalid_kid"],
    [{ issuer: "" }, "invalid_issuer"],
    [{ audience: [] }, "invalid_audience"],
    [{ expiresIn: 0 }, "invalid_duration"],
    [{ claims: { sub: "" } }, "invalid_claims"],
    [{ claims: { sub: "job-1", exp: 1 } }, "reserved_claim"],
  ];
  for (const [option, code] of wrong) {
    assert.throws(
      () => createTokenSource(options(option)),
      (error) => error instanceof SignerError && error.code === code,
    );
  }
  createTokenSource(options());
});

Deno.test("createTokenSource() throws a RangeError for a share of life that is unsafe or none", () => {
  for (const reuse of [-0.1, 0.91, 1, 30, NaN, "30s"]) {
    // @ts-expect-error: callers without types pass anything
    assert.throws(() => createTokenSource(options({ reuse })), RangeError);
  }
  for (const reuse of [0, 0.5, 0.9]) createTokenSource(options({ reuse }));
});

Deno.test("createTokenSource() refuses one jti for all tokens, and takes one for each", async () => {
  assert.throws(
    () => createTokenSource(options({ claims: { sub: "job-1", jti: "order-7" } })),
    { code: "reserved_claim" },
  );
  let order = 0;
  const source = createTokenSource(
    options({ claims: () => ({ sub: "job-1", jti: `order-${++order}` }) }),
  );
  assert.equal(decodeJwt(await source()).jti, "order-1");
  assert.equal(decodeJwt(await source()).jti, "order-2");
});

Deno.test("createTokenSource() rejects with what the claims function throws, and with what is wrong in it", async () => {
  const failure = new Error("no tenant");
  const throwing = createTokenSource(options({
    claims: () => {
      throw failure;
    },
  }));
  await assert.rejects(throwing(), (error) => error === failure);
  const wrong = createTokenSource(options({ claims: () => ({ sub: "job-1", size: NaN }) }));
  await assert.rejects(wrong(), { code: "invalid_claims" });
});

Deno.test("createTokenSource() imports the key once, also for concurrent first calls", async () => {
  const imports = await countImports(async () => {
    const source = createTokenSource(options());
    await Promise.all([source(), source(), source()]);
    await source();
  });
  assert.equal(imports, 1);
});

Deno.test("createTokenSource() imports nothing before the first call", async () => {
  const imports = await countImports(() => Promise.resolve(createTokenSource(options())));
  assert.equal(imports, 0);
});

Deno.test("createTokenSource() works where Workers forbid random values: outside a request", async () => {
  const { randomUUID } = crypto;
  crypto.randomUUID = () => assert.fail("Disallowed operation called within global scope");
  let tokenSource;
  try {
    tokenSource = createTokenSource(options());
    await assert.rejects(tokenSource(), /Disallowed operation/);
  } finally {
    crypto.randomUUID = randomUUID;
  }
  assert.match(String(decodeJwt(await tokenSource()).jti), /^[0-9a-f-]{36}$/);
});

Deno.test("createTokenSource() hands out a token of its own for every call", async () => {
  const source = createTokenSource(options({ audience: "prod-abc123", expiresIn: "5m" }));
  const [first, second] = await Promise.all([source(), source()]);
  assert.notEqual(first, second);
  const { payload, protectedHeader } = await jwtVerify(first, p256.publicKey, {
    currentDate: new Date(START),
  });
  assert.match(protectedHeader.kid ?? "", /^[A-Za-z0-9_-]{43}$/);
  const { jti, ...claims } = payload;
  assert.notEqual(jti, decodeJwt(second).jti);
  assert.deepEqual(claims, {
    sub: "job-1",
    aud: "prod-abc123",
    iss: "my-service",
    iat: START / 1000,
    exp: START / 1000 + 300,
  });
});

Deno.test("createTokenSource() calls the claims function once for each token it signs", async () => {
  const clock = new Clock();
  let calls = 0;
  const claims = (): Promise<SignClaims> => Promise.resolve({ sub: `job-${++calls}` });
  const source = createTokenSource(options({ claims, reuse: 0.5, now: clock.now }));
  await Promise.all([source(), source()]);
  assert.equal(decodeJwt(await source()).sub, "job-1");
  clock.epochMs += 30_000;
  assert.equal(decodeJwt(await source()).sub, "job-2");
});

Deno.test("createTokenSource() stops reusing a token when its share of life is over, not a moment later", async () => {
  const clock = new Clock();
  // Issued late in a second: "iat" says the whole second, and the share counts from there.
  clock.epochMs += 900;
  const source = createTokenSource(options({ reuse: 0.5, now: clock.now }));
  const first = await source();
  clock.epochMs = START + 29_999;
  assert.equal(await source(), first);
  clock.epochMs = START + 30_000;
  const second = await source();
  assert.notEqual(second, first);
  assert.equal(decodeJwt(second).iat, START / 1000 + 30);
});

Deno.test("createTokenSource() never hands a token out again in the last tenth of its life", async () => {
  for (const expiresIn of [1, 2, 60, "1h"]) {
    const clock = new Clock();
    const source = createTokenSource(options({ reuse: 0.9, expiresIn, now: clock.now }));
    const issued = new Set<string>();
    for (let call = 0; call < 200; call++) {
      const token = await source();
      const { exp = 0, iat = 0 } = decodeJwt(token);
      const left = exp * 1000 - clock.epochMs;
      if (issued.has(token)) assert.ok(left > (exp - iat) * 100, `${left} ms left of ${expiresIn}`);
      issued.add(token);
      clock.epochMs += 137;
    }
    assert.ok(issued.size < 200);
  }
});

Deno.test("createTokenSource() signs again when the clock goes backwards", async () => {
  const clock = new Clock();
  const source = createTokenSource(options({ reuse: 0.5, now: clock.now }));
  const first = await source();
  clock.epochMs -= 3_600_000;
  const second = await source();
  assert.notEqual(second, first);
  assert.equal(decodeJwt(second).iat, START / 1000 - 3_600);
});

Deno.test("createTokenSource() shares one signature among concurrent callers when it reuses", async () => {
  const source = createTokenSource(options({ reuse: 0.5 }));
  const tokens = await Promise.all(Array.from({ length: 50 }, () => source()));
  assert.equal(new Set(tokens).size, 1);
});

Deno.test("createTokenSource() keeps no failure: callers who waited share it, the next one gets a token", async () => {
  let calls = 0;
  const claims = (): SignClaims => {
    if (++calls === 1) throw new Error("no tenant yet");
    return { sub: "job-1" };
  };
  const source = createTokenSource(options({ claims, reuse: 0.5 }));
  const waiting = await Promise.allSettled([source(), source()]);
  assert.deepEqual(waiting.map(({ status }) => status), ["rejected", "rejected"]);
  assert.equal(calls, 1);
  const token = await source();
  assert.equal(await source(), token);
});

Deno.test("createTokenSource() lets a late failure leave a newer token alone", async () => {
  const clock = new Clock();
  const first = Promise.withResolvers<SignClaims>();
  let calls = 0;
  const claims = (): SignClaims | Promise<SignClaims> =>
    ++calls === 1 ? first.promise : { sub: "job-2" };
  const source = createTokenSource(options({ claims, reuse: 0.5, now: clock.now }));
  const failing = source();
  clock.epochMs += 30_000;
  const token = await source();
  first.reject(new Error("too late"));
  await assert.rejects(failing);
  assert.equal(await source(), token);
});

Deno.test("createTokenSource() works with a key that cannot be exported, and without its id", async () => {
  const params = { name: "ECDSA", namedCurve: "P-256" };
  const pair = await crypto.subtle.generateKey(params, false, ["sign", "verify"]);
  const token = await createTokenSource(options({ privateKey: pair.privateKey }))();
  await jwtVerify(token, pair.publicKey, { currentDate: new Date(START) });
  assert.deepEqual(decodeProtectedHeader(token), { alg: "ES256", typ: "JWT" });
});
