import assert from "node:assert/strict";
import { verificationKeys } from "./verification_keys.ts";

const SECRET = "a secret of at least thirty-two bytes";

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
