import assert from "node:assert/strict";
import { apiKeys, jwtSecret, publishableKey, serviceKey, signingJwk } from "./secrets.ts";

const jwt = (role: string) => `e30.${btoa(JSON.stringify({ role })).replaceAll("=", "")}.c2ln`;

/** A refusal that repeats nothing of the value. */
function refuses(value: string, read: () => unknown): void {
  assert.throws(read, (error) => {
    assert.ok(error instanceof TypeError, String(error));
    for (const part of value.split(/[^\w]+/).filter((word) => word.length > 12)) {
      assert.ok(!error.message.includes(part), error.message);
    }
    return true;
  }, value);
}

Deno.test("jwtSecret() knows the project's other secrets, and repeats none of them", () => {
  const others = [
    jwt("service_role"),
    "sb_secret_0123456789abcdef",
    "sb_publishable_0123456789abcdef",
    '{"kty":"EC","d":"0123456789abcdef"}',
    '[{"kty":"EC"}]',
    "-----BEGIN PRIVATE KEY-----\n0123456789abcdef\n-----END PRIVATE KEY-----",
  ];
  for (const value of others) refuses(value, () => jwtSecret(value, false));
  const secret = "super-secret-jwt-token-with-at-least-32-characters";
  assert.equal(jwtSecret(secret, false), secret);
});

Deno.test("jwtSecret() decodes base64 only where it is told to", () => {
  const encoded = btoa("ÿþ-bytes");
  assert.equal(jwtSecret(encoded, false), encoded);
  assert.deepEqual(
    jwtSecret(encoded, true),
    Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0)),
  );
  refuses("not base64 at all!", () => jwtSecret("not base64 at all!", true));
});

Deno.test("signingJwk() takes exactly one private key, however it was pasted", () => {
  const key = { kty: "EC", crv: "P-256", d: "x", kid: "k" };
  const json = JSON.stringify(key);
  for (
    const value of [
      json,
      `[${json}]`,
      `{"keys":[${json}]}`,
      json.replaceAll('"', '\\"'),
      btoa(json),
      JSON.stringify(json),
    ]
  ) {
    assert.deepEqual(signingJwk(value), key, value);
  }
  const wrong = [
    "",
    "null",
    "1",
    "[]",
    '{"keys":[]}',
    `[${json},${json}]`,
    "[1]",
    '{"kty":"oct","k":"0123456789abcdef"}',
    "-----BEGIN EC PRIVATE KEY-----",
  ];
  for (const value of wrong) refuses(value, () => signingJwk(value));
});

Deno.test("publishableKey() and serviceKey() take no key for the other", () => {
  for (const value of ["sb_secret_0123456789abcdef", jwt("service_role"), "two words", "", "é"]) {
    refuses(value, () => publishableKey(value));
  }
  for (const value of ["sb_publishable_0123456789abcdef", jwt("anon"), "two\nlines", ""]) {
    refuses(value, () => serviceKey(value));
  }
  for (const value of ["sb_publishable_x", jwt("anon")]) assert.equal(publishableKey(value), value);
  for (const value of ["sb_secret_x", jwt("service_role")]) assert.equal(serviceKey(value), value);
});

Deno.test("apiKeys() reads the platform's object, or one key alone", () => {
  assert.deepEqual(apiKeys('{"default":"sb_secret_x","other":"y"}'), {
    default: "sb_secret_x",
    other: "y",
  });
  assert.deepEqual(apiKeys("sb_publishable_x"), { default: "sb_publishable_x" });
  for (const value of ["1", "[]", '{"default":1}', "{"]) {
    refuses(value, () => apiKeys(value));
  }
});
