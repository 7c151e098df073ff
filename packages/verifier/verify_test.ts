import assert from "node:assert/strict";
import {
  AUDIENCE,
  claims,
  isRefusal,
  keyOf,
  makeKey,
  makeRecord,
  makeToken,
  NOW,
  type TokenParts,
  verify,
} from "./fixtures/tokens.ts";
import {
  ALGORITHMS,
  JwtVerificationError,
  type KeySource,
  memoryKeySource,
  verifyMultiIssuerJwt,
} from "./mod.ts";

for (const algorithm of ALGORITHMS) {
  Deno.test(`verifyMultiIssuerJwt() verifies ${algorithm}, with and without kid`, async () => {
    const key = await keyOf(algorithm);
    const record = await makeRecord({ keys: [key] });
    for (const header of [{}, { kid: undefined }, { typ: undefined }, { typ: "at+jwt" }]) {
      const result = await verify(await makeToken({ key, header }), record);
      assert.deepEqual(result, {
        claims,
        role: "billing_writer",
        matchedKey: { issuer: "billing", algorithm, is_active: true, kid: key.kid },
        record,
        observed: [],
      });
    }
  });
}

Deno.test("verifyMultiIssuerJwt() answers with claims that nobody can change", async () => {
  const token = await makeToken({ claims: { tenant: { id: 1 }, tags: ["a"] } });
  const result = await verify(token, await makeRecord());
  for (const value of [result.claims, result.claims["tenant"], result.claims["tags"]]) {
    assert.ok(Object.isFrozen(value));
  }
});

Deno.test("verifyMultiIssuerJwt() grants the default role, and leaves the claims as they are", async () => {
  const token = await makeToken({ claims: { role: undefined } });
  const result = await verify(token, await makeRecord());
  assert.equal(result.role, "billing_reader");
  assert.ok(!("role" in result.claims));
});

Deno.test("verifyMultiIssuerJwt() accepts a protected claim that the policy names", async () => {
  const record = await makeRecord({ policy: { allowedClaims: ["email", "tenant"] } });
  const token = await makeToken({ claims: { email: "a@example.com", tenant: 1 } });
  assert.equal((await verify(token, record)).claims["email"], "a@example.com");
});

Deno.test("verifyMultiIssuerJwt() accepts a user's id that the policy allows", async () => {
  const sub = "5f0c4c4e-8d0f-4b8e-9a53-6f5e0a0d9c11";
  const token = await makeToken({ claims: { sub } });
  for (const allowedSubjects of [null, [sub]]) {
    const record = await makeRecord({ policy: { allowUserSubjects: true, allowedSubjects } });
    assert.equal((await verify(token, record)).claims.sub, sub);
  }
});

Deno.test("verifyMultiIssuerJwt() accepts claims named like members of Object.prototype", async () => {
  const names = { constructor: 1, toString: "x", hasOwnProperty: null, valueOf: [] };
  const result = await verify(await makeToken({ claims: names }), await makeRecord());
  assert.deepEqual({ ...result.claims }, { ...claims, ...names });
});

Deno.test("verifyMultiIssuerJwt() leaves aud alone when nobody says what to expect", async () => {
  const token = await makeToken({ claims: { aud: "anything" } });
  const keySource = memoryKeySource([await makeRecord()]);
  const result = await verifyMultiIssuerJwt(token, { keySource, now: () => NOW * 1000 });
  assert.equal(result.claims.aud, "anything");
});

Deno.test("verifyMultiIssuerJwt() accepts a token without aud unless it is required", async () => {
  const token = await makeToken({ claims: { aud: undefined } });
  assert.ok(!("aud" in (await verify(token, await makeRecord())).claims));
});

Deno.test("verifyMultiIssuerJwt() accepts any of several audiences", async () => {
  const token = await makeToken({ claims: { aud: ["elsewhere", AUDIENCE] } });
  await verify(token, await makeRecord(), { audience: ["ref", AUDIENCE], requireAudience: true });
});

Deno.test("verifyMultiIssuerJwt() holds expiry to the millisecond", async () => {
  const token = await makeToken({ claims: { iat: NOW - 60, exp: NOW } });
  const record = await makeRecord();
  const end = (NOW + 5) * 1000;
  await verify(token, record, { now: () => end - 1 });
  await assert.rejects(
    verify(token, record, { now: () => end }),
    (error) => isRefusal(error, "expired"),
  );
});

Deno.test("verifyMultiIssuerJwt() considers a key from not_before to not_after", async () => {
  const key = { ...await keyOf("EdDSA"), notBefore: NOW, notAfter: NOW + 10 };
  const record = await makeRecord({ keys: [key] });
  for (const kid of [key.kid, undefined]) {
    const token = await makeToken({ header: { kid } });
    for (const [second, live] of [[-1, false], [0, true], [9, true], [10, false]] as const) {
      const attempt = verify(token, record, { now: () => (NOW + second) * 1000 });
      if (live) await attempt;
      else await assert.rejects(attempt, (error) => isRefusal(error, "key_not_current"));
    }
  }
});

Deno.test("verifyMultiIssuerJwt() tries at most four keys for a token without kid", async () => {
  const key = await keyOf("EdDSA");
  const others = await Promise.all(Array.from({ length: 4 }, () => makeKey("EdDSA")));
  const token = await makeToken({ header: { kid: undefined } });
  await verify(token, await makeRecord({ keys: [...others.slice(1), key] }));
  await assert.rejects(
    verify(token, await makeRecord({ keys: [...others, key] })),
    (error) => isRefusal(error, "bad_signature"),
  );
  await verify(await makeToken(), await makeRecord({ keys: [...others, key] }));
});

Deno.test("verifyMultiIssuerJwt() imports a key once, good or bad", async () => {
  const { importKey: original } = crypto.subtle;
  let imports = 0;
  crypto.subtle.importKey = new Proxy(original, {
    apply: (target, self, args) => {
      imports += 1;
      return Reflect.apply(target, self, args);
    },
  });
  try {
    const key = { ...await keyOf("EdDSA") };
    const bad = { ...key, publicKey: (await keyOf("ES256")).publicKey };
    const record = await makeRecord({ keys: [bad, key] });
    const token = await makeToken({ header: { kid: undefined } });
    for (let time = 0; time < 3; time++) await verify(token, record);
  } finally {
    crypto.subtle.importKey = original;
  }
  assert.equal(imports, 1);
});

Deno.test("verifyMultiIssuerJwt() says which kind of key an issuer lacks", async () => {
  const token = await makeToken({ header: { kid: undefined } });
  const key = await keyOf("EdDSA");
  const retired = { ...key, notAfter: NOW - 1 };
  for (
    const [keys, reason] of [
      [[], "unknown_key"],
      [[retired], "key_not_current"],
      [[await keyOf("RS256")], "algorithm_mismatch"],
      [[await keyOf("RS256"), retired], "algorithm_mismatch"],
    ] as const
  ) {
    await assert.rejects(
      verify(token, await makeRecord({ keys })),
      (error) => isRefusal(error, reason),
    );
  }
});

Deno.test("verifyMultiIssuerJwt() refuses an inactive issuer, and names it", async () => {
  const record = await makeRecord({ isActive: false });
  await assert.rejects(
    verify(await makeToken(), record),
    (error) =>
      isRefusal(error, "inactive_issuer") && error instanceof JwtVerificationError &&
      error.issuer === "billing" && error.kid === undefined,
  );
});

Deno.test("verifyMultiIssuerJwt() looks at no issuer beyond the allowed ones", async () => {
  const token = await makeToken();
  const record = await makeRecord();
  await verify(token, record, { allowedIssuers: ["shipping", "billing"] });
  for (const allowedIssuers of [[], ["shipping"], ["Billing"]]) {
    const keySource: KeySource = { find: () => assert.fail("Expected no lookup") };
    await assert.rejects(
      verify(token, record, { allowedIssuers, keySource }),
      (error) => isRefusal(error, "issuer_not_allowed"),
    );
  }
});

Deno.test("verifyMultiIssuerJwt() looks up no name that the registry can't hold", async () => {
  const keySource: KeySource = { find: () => assert.fail("Expected no lookup") };
  for (const iss of ["b".repeat(256), "billing\u0000x".replace("\u0000", "\u0001"), "\u009f"]) {
    await assert.rejects(
      verify(await makeToken({ claims: { iss } }), await makeRecord(), { keySource }),
      (error) => isRefusal(error, "unknown_issuer"),
    );
  }
});

Deno.test("verifyMultiIssuerJwt() refuses while the key source can't say", async () => {
  const cause = new Error("connection refused");
  const sources: KeySource[] = [
    { find: () => Promise.reject(cause) },
    {
      find: () => {
        throw cause;
      },
    },
  ];
  for (const keySource of sources) {
    await assert.rejects(
      verify(await makeToken(), await makeRecord(), { keySource }),
      (error) =>
        isRefusal(error, "registry_unavailable") && error instanceof Error && error.cause === cause,
    );
  }
});

Deno.test("verifyMultiIssuerJwt() counts the time that the key source took", async () => {
  const record = await makeRecord();
  const token = await makeToken();
  let milliseconds = NOW * 1000;
  const keySource: KeySource = {
    find: async () => {
      await Promise.resolve();
      milliseconds += 65_000;
      return record;
    },
  };
  await assert.rejects(
    verify(token, record, { keySource, now: () => milliseconds }),
    (error) => isRefusal(error, "expired"),
  );
});

Deno.test("verifyMultiIssuerJwt() refuses a key source that answers with another issuer", async () => {
  const record = await makeRecord({ issuer: "Billing" });
  for (const find of [() => record, () => Promise.resolve(record)]) {
    await assert.rejects(
      verify(await makeToken(), record, { keySource: { find } }),
      (error) => isRefusal(error, "registry_unavailable"),
    );
  }
});

Deno.test("verifyMultiIssuerJwt() takes null from a key source for no issuer", async () => {
  const find = () => JSON.parse("null");
  await assert.rejects(
    verify(await makeToken(), await makeRecord(), { keySource: { find } }),
    (error) => isRefusal(error, "unknown_issuer"),
  );
});

Deno.test("verifyMultiIssuerJwt() refuses a token that is no string", async () => {
  const keySource = memoryKeySource([await makeRecord()]);
  for (
    const token of [undefined, null, 1, {}, [await makeToken()], new String(await makeToken())]
  ) {
    await assert.rejects(
      Promise.resolve(Reflect.apply(verifyMultiIssuerJwt, undefined, [token, { keySource }])),
      (error) => isRefusal(error, "malformed"),
    );
  }
});

Deno.test("verifyMultiIssuerJwt() rejects options that are a programmer's mistake", async () => {
  const keySource = memoryKeySource([await makeRecord()]);
  const project = { supabaseUrl: "https://ref.supabase.co", serviceRoleKey: "sb_secret_x" };
  const mistakes: [unknown, typeof TypeError][] = [
    [undefined, TypeError],
    [null, TypeError],
    [{}, TypeError],
    [{ keySource: undefined }, TypeError],
    [{ keySource: {} }, TypeError],
    [{ keySource, audience: [] }, TypeError],
    [{ keySource, audience: "" }, TypeError],
    [{ keySource, audience: ["ref", ""] }, TypeError],
    [{ keySource, audience: 1 }, TypeError],
    [{ keySource, audience: [1] }, TypeError],
    [{ keySource, requireAudience: "no" }, TypeError],
    [{ keySource, allowedIssuers: "billing" }, TypeError],
    [{ keySource, cache: new Map() }, TypeError],
    [{ keySource, now: () => NaN }, TypeError],
    [{ keySource, now: () => undefined }, TypeError],
    [{ keySource, clockToleranceSec: -1 }, RangeError],
    [{ keySource, clockToleranceSec: 61 }, RangeError],
    [{ keySource, clockToleranceSec: NaN }, RangeError],
    [{ keySource, clockToleranceSec: "5" }, RangeError],
    [{ ...project, supabaseUrl: "ref.supabase.co" }, TypeError],
    [{ ...project, supabaseUrl: "file:///etc" }, TypeError],
    [{ ...project, supabaseUrl: "https://user:pw@ref.supabase.co" }, TypeError],
    [{ ...project, serviceRoleKey: "" }, TypeError],
    [{ ...project, serviceRoleKey: "two\nlines" }, TypeError],
    [{ ...project, serviceRoleKey: undefined }, TypeError],
  ];
  for (const [options, kind] of mistakes) {
    await assert.rejects(
      Promise.resolve(
        Reflect.apply(verifyMultiIssuerJwt, undefined, [await makeToken(), options]),
      ),
      (error) => error instanceof kind && !(error instanceof JwtVerificationError),
      JSON.stringify(options),
    );
  }
});

Deno.test("verifyMultiIssuerJwt() reads the registry of a project as the seed package did", async () => {
  const { publicKey, kid } = await keyOf("EdDSA");
  const asked: string[] = [];
  const row = {
    issuer: "billing",
    is_active: true,
    allowed_roles: ["billing_writer"],
    default_role: null,
    allowed_subjects: null,
    allow_user_subjects: false,
    allowed_claims: null,
    audiences: null,
    max_token_lifetime: 300,
    max_exchange_lifetime: null,
    reject_issued_before: null,
    single_use: false,
    mode: "enforce",
    keys: [{ kid, algorithm: "EdDSA", public_key: publicKey, not_before: null, not_after: null }],
    revoked_kids: [],
  };
  const result = await verifyMultiIssuerJwt(await makeToken(), {
    supabaseUrl: "https://ref.supabase.co",
    serviceRoleKey: "sb_secret_x",
    now: () => NOW * 1000,
    fetch: (input) => {
      asked.push(String(input));
      return Promise.resolve(Response.json([row]));
    },
  });
  assert.equal(result.role, "billing_writer");
  assert.equal(asked.length, 1);
});

/** Every way to be refused before the signature holds, with a marker where a token can carry one. */
const beforeSignature = (marker: string): Record<string, TokenParts> => ({
  malformed: { claims: { iss: [marker] } },
  "malformed JSON": { claimsText: () => `{"iss":"${marker}"` },
  "malformed name": { claimsText: () => `{"${marker}":1,"${marker}":1}` },
  token_too_large: { claims: { note: marker.repeat(1000) } },
  header_not_allowed: { header: { alg: marker } },
  "header_not_allowed typ": { header: { typ: marker } },
  "header_not_allowed jku": { header: { jku: marker } },
  unknown_issuer: { claims: { iss: marker } },
  "unknown_issuer control": { claims: { iss: `${marker}\n` } },
  unknown_key: { header: { kid: marker } },
  bad_signature: { claims: { note: marker }, signature: () => new TextEncoder().encode(marker) },
});

Deno.test("verifyMultiIssuerJwt() says nothing of a token whose signature does not hold", async () => {
  const record = await makeRecord();
  const seen = async (parts: TokenParts): Promise<unknown> => {
    const error = await verify(await makeToken(parts), record).catch((error: unknown) => error);
    assert.ok(error instanceof JwtVerificationError);
    const { reason, message, issuer, kid, claim, role, cause } = error;
    assert.deepEqual([claim, role], [undefined, undefined]);
    return { reason, message, issuer, kid, cause };
  };
  const first = beforeSignature("MARKER-ONE-0");
  const second = beforeSignature("MARKER-TWO-1");
  for (const [name, parts] of Object.entries(first)) {
    assert.deepEqual(await seen(parts), await seen(second[name] ?? {}), name);
  }
});

Deno.test("verifyMultiIssuerJwt() quotes only plain names of a verified token", async () => {
  const record = await makeRecord();
  const message = async (parts: Record<string, unknown>): Promise<string> => {
    const error = await verify(await makeToken({ claims: parts }), record).catch((error) => error);
    return error.message;
  };
  assert.match(await message({ role: "shipping_writer" }), /"shipping_writer"/);
  for (const role of ["a\u001b[31mred", "x".repeat(64), 'quote"', "line\nbreak", ""]) {
    assert.equal(await message({ role }), "The role is not among the issuer's roles");
  }
});
