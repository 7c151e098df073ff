import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeBase64url, encodeBase64url } from "./encoding/base64url.ts";
import { keyOf, makeRecord, makeToken, verify } from "./fixtures/tokens.ts";
import { ALGORITHMS, JwtVerificationError } from "./mod.ts";
import { parseToken, splitToken } from "./token/parse.ts";
import { parseJsonObject } from "./token/strict_json.ts";

/** A long run sets this: `COUNTERSIGN_PROPERTY_RUNS=100000 deno test -A packages/verifier/property_test.ts`. */
const numRuns = Number(Deno.env.get("COUNTERSIGN_PROPERTY_RUNS") ?? 300);
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

Deno.test("decodeBase64url() takes exactly one spelling of any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.deepEqual(decodeBase64url(encodeBase64url(bytes)), bytes);
    }),
    { numRuns },
  );
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."AQgw-_9z+/= \n") }), (text) => {
      const bytes = decodeBase64url(text);
      if (bytes !== undefined) assert.equal(encodeBase64url(bytes), text);
    }),
    { numRuns },
  );
});

/** Values that JSON and Postgres both hold exactly. */
const { value: jsonValue } = fc.letrec((tie) => ({
  text: fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0")),
  value: fc.oneof(
    { maxDepth: 6 },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.double({ noNaN: true, min: -1e15, max: 1e15 }).map((number) => number + 0),
    tie("text"),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(
      fc.string().filter((name) => name !== "__proto__" && !name.includes("\0")),
      tie("value"),
      {
        maxKeys: 4,
        noNullPrototype: true,
      },
    ),
  ),
}));

Deno.test("parseJsonObject() reads what JSON.parse reads", () => {
  fc.assert(
    fc.property(jsonValue, fc.constantFrom(undefined, 1, "\t"), (value, space) => {
      const text = JSON.stringify({ value }, null, space);
      assert.deepEqual(parseJsonObject(bytesOf(text)), JSON.parse(text));
    }),
    { numRuns },
  );
});

Deno.test("parseJsonObject() finds a duplicate wherever it is", () => {
  const name = fc.string().filter((text) => text !== "__proto__" && !text.includes("\0"));
  fc.assert(
    fc.property(
      name,
      jsonValue,
      jsonValue,
      fc.array(fc.boolean(), { maxLength: 8 }),
      (member, a, b, path) => {
        const spelled = JSON.stringify(member);
        const escaped = `"${
          Array.from(
            { length: member.length },
            (_, index) => `\\u${member.charCodeAt(index).toString(16).padStart(4, "0")}`,
          ).join("")
        }"`;
        const wrap = (inner: string): string =>
          path.reduce((text, isArray) => isArray ? `[0,${text}]` : `{"a:b":${text}}`, inner);
        const object = (first: string, second: string): Uint8Array =>
          bytesOf(
            `{"x":${wrap(`{${first}:${JSON.stringify(a)},${second}:${JSON.stringify(b)}}`)}}`,
          );
        parseJsonObject(object(spelled, JSON.stringify(`${member}'`)));
        for (const second of [spelled, escaped]) {
          assert.throws(() => parseJsonObject(object(spelled, second)), { reason: "malformed" });
        }
      },
    ),
    { numRuns },
  );
});

/** Runs parsing, and lets nothing but our own error out. */
function parseOnlyRefuses(token: string): void {
  try {
    parseToken(splitToken(token));
  } catch (error) {
    assert.ok(error instanceof JwtVerificationError, String(error));
  }
}

Deno.test("parseToken() throws nothing but JwtVerificationError", () => {
  const bytes = fc.uint8Array({ maxLength: 100 }).map(encodeBase64url);
  const json = fc.json().map((text) => encodeBase64url(bytesOf(text)));
  const jsonLike = fc.string({ unit: fc.constantFrom(...'{}[]",:\\u0e1 tn') })
    .map((text) => encodeBase64url(bytesOf(text)));
  const header = fc.record({ alg: fc.oneof(fc.constantFrom(...ALGORITHMS), fc.jsonValue()) })
    .map((value) => encodeBase64url(bytesOf(JSON.stringify(value))));
  const part = fc.oneof(bytes, json, jsonLike, header, fc.string());
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (parts) => parseOnlyRefuses(parts.join("."))),
    { numRuns },
  );
  fc.assert(fc.property(fc.string({ unit: "binary" }), parseOnlyRefuses), { numRuns });
});

const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const position = fc.nat({ max: 10_000 });

/** Ways to alter a token's text. */
const mutation = fc.oneof(
  fc.record({ at: position, to: fc.constantFrom(...BASE64URL) })
    .map(({ at, to }) => (token: string) => splice(token, at, 1, to)),
  fc.record({ at: position, text: fc.constantFrom(...BASE64URL, ".", "=", " ", "\n", "\0", "é") })
    .map(({ at, text }) => (token: string) => splice(token, at, 0, text)),
  fc.record({ at: position, length: fc.integer({ min: 1, max: 8 }) })
    .map(({ at, length }) => (token: string) => splice(token, at, length, "")),
  fc.record({ segment: fc.nat({ max: 2 }), at: position, bit: fc.nat({ max: 7 }) })
    .map(({ segment, at, bit }) => (token: string) => flipBit(token, segment, at, bit)),
  fc.record({ from: fc.nat({ max: 2 }), to: fc.nat({ max: 2 }) })
    .map(({ from, to }) => (token: string) => {
      const parts = token.split(".");
      return parts.with(to, parts[from] ?? "").join(".");
    }),
  fc.constant((token: string) => token.toLowerCase()),
  fc.constant((token: string) => token.toUpperCase()),
  fc.constant((token: string) => `${token}${token}`),
);

function splice(token: string, at: number, remove: number, insert: string): string {
  const index = at % token.length;
  return token.slice(0, index) + insert + token.slice(index + remove);
}

function flipBit(token: string, segment: number, at: number, bit: number): string {
  const parts = token.split(".");
  const bytes = decodeBase64url(parts[segment] ?? "") ?? new Uint8Array(1);
  const index = at % bytes.length;
  return parts.with(segment, encodeBase64url(bytes.with(index, (bytes[index] ?? 0) ^ 1 << bit)))
    .join(".");
}

for (const algorithm of ["EdDSA", "ES256", "RS256"] as const) {
  Deno.test(`verifyMultiIssuerJwt() refuses every mutation of an ${algorithm} token`, async () => {
    const key = await keyOf(algorithm);
    const record = await makeRecord({ keys: [key] });
    const tokens = [
      await makeToken({ key }),
      await makeToken({ key, header: { kid: undefined } }),
    ];
    for (const token of tokens) await verify(token, record);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...tokens), mutation, async (token, mutate) => {
        const mutated = mutate(token);
        if (mutated === token) return;
        await assert.rejects(verify(mutated, record), JwtVerificationError);
      }),
      { numRuns },
    );
  });
}
