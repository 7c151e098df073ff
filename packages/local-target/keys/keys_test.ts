import assert from "node:assert/strict";
import { createProjectKeys } from "./keys.ts";
import { verificationKeys } from "./verification_keys.ts";

const SECRET = "a secret of at least thirty-two bytes";

function claims(jwt: string): Record<string, unknown> {
  return JSON.parse(new TextDecoder().decode(
    Uint8Array.fromBase64(jwt.split(".")[1] ?? "", { alphabet: "base64url" }),
  ));
}

Deno.test("createProjectKeys() makes legacy keys for ten years, with the platform's claims", () => {
  const { anonKey, serviceRoleKey } = createProjectKeys(SECRET, () => 1_800_000_000_999);
  const times = { iat: 1_800_000_000, exp: 1_800_000_000 + 315_360_000 };
  const common = { iss: "supabase-demo", ref: "local", ...times };
  assert.deepEqual(claims(anonKey), { ...common, role: "anon" });
  assert.deepEqual(claims(serviceRoleKey), { ...common, role: "service_role" });
});

Deno.test("createProjectKeys() never repeats an sb_ key", () => {
  const [one, two] = [createProjectKeys(SECRET), createProjectKeys(SECRET)];
  assert.match(one.publishableKey, /^sb_publishable_[\w-]{32}$/);
  assert.match(one.secretKey, /^sb_secret_[\w-]{32}$/);
  assert.notEqual(one.publishableKey, two.publishableKey);
  assert.notEqual(one.secretKey, two.secretKey);
});

Deno.test("verificationKeys() trusts exactly the secret it is given", () => {
  assert.deepEqual(verificationKeys(SECRET), { secret: SECRET, trusted: SECRET });
  assert.throws(() => verificationKeys("x".repeat(31)), RangeError);
  assert.deepEqual(verificationKeys("x".repeat(32)).trusted, "x".repeat(32));
});

Deno.test("verificationKeys() makes a new secret each time", () => {
  const { secret, trusted } = verificationKeys();
  assert.equal(secret, trusted);
  assert.equal(secret.length, 40);
  assert.notEqual(verificationKeys().secret, secret);
});

Deno.test("verificationKeys() trusts a key set beside a secret of its own", () => {
  const jwk = { kty: "EC", kid: "theirs" };
  const { secret, trusted } = verificationKeys(` {"keys": [${JSON.stringify(jwk)}]}`);
  const k = new TextEncoder().encode(secret).toBase64({ alphabet: "base64url", omitPadding: true });
  assert.deepEqual(JSON.parse(trusted), { keys: [{ kty: "oct", alg: "HS256", k }, jwk] });
});

Deno.test("verificationKeys() refuses other JSON without repeating it", () => {
  for (const text of ["{", '{"kty":"oct","k":"secret"}', '{"keys":{"k":"secret"}}']) {
    assert.throws(() => verificationKeys(text), (error) => {
      assert(error instanceof TypeError);
      assert(!error.message.includes('secret"'));
      assert.equal(error.cause, undefined);
      return true;
    });
  }
});
