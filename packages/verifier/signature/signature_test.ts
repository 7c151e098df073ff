import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { KEY_ATTACKS } from "@countersign/fixture/attacks";
import { isRefusal, keyOf, makeKey, makeRecord, makeToken, verify } from "../fixtures/tokens.ts";
import { ALGORITHMS, InvalidPublicKeyError, JwtVerificationError } from "../mod.ts";

Deno.test("verifySignature() fails closed for a key that cannot be imported", async () => {
  const weak = { ...await keyOf("EdDSA"), publicKey: KEY_ATTACKS["the Ed25519 identity"]!.attack };
  // Under the identity it holds for every message (RFC 8032 §5.1.7).
  const forged = Uint8Array.of(1, ...new Uint8Array(63));
  const record = await makeRecord({ keys: [weak] });
  await assert.rejects(
    verify(await makeToken({ signature: () => forged }), record),
    (error) =>
      isRefusal(error, "unusable_key") && error instanceof Error &&
      error.cause instanceof InvalidPublicKeyError,
  );
});

Deno.test("verifySignature() verifies with the other keys of an issuer with a bad one", async () => {
  const good = await keyOf("EdDSA");
  const bad = { ...await makeKey("EdDSA"), publicKey: "not a key" };
  const record = await makeRecord({ keys: [bad, good] });
  const token = await makeToken({ header: { kid: undefined } });
  assert.equal((await verify(token, record)).matchedKey.kid, good.kid);
});

/** Verifies on a platform whose `crypto.subtle.verify` throws when `throwsAt` says so. */
async function onPlatform(
  throwsAt: (signature: Uint8Array) => boolean,
  work: () => Promise<void>,
): Promise<void> {
  const { verify: original } = crypto.subtle;
  crypto.subtle.verify = (params, key, signature, data) => {
    const bytes = signature instanceof Uint8Array ? signature : new Uint8Array(0);
    return throwsAt(bytes)
      ? Promise.reject(new DOMException("Not supported", "NotSupportedError"))
      : original.call(crypto.subtle, params, key, signature, data);
  };
  try {
    await work();
  } finally {
    crypto.subtle.verify = original;
  }
}

Deno.test("verifySignature() never takes a platform that cannot verify for a wrong signature", async () => {
  const key = await makeKey("EdDSA");
  const token = await makeToken({ key });
  const record = await makeRecord({ keys: [key] });
  let asked = 0;
  await onPlatform(() => ++asked > 0, async () => {
    for (let time = 0; time < 2; time++) {
      await assert.rejects(
        verify(token, record),
        (error) =>
          isRefusal(error, "unusable_key") && error instanceof JwtVerificationError &&
          error.kid === key.kid && error.cause instanceof DOMException,
      );
    }
    assert.equal(asked, 2, "The second time it is remembered");
  });
  await verify(token, await makeRecord({ keys: [{ ...key }] }));
});

Deno.test("verifySignature() takes a platform that throws at one signature for one that says no", async () => {
  const token = await makeToken({ signature: () => new Uint8Array(64) });
  const record = await makeRecord();
  await onPlatform((signature) => signature.every((byte) => byte === 0), async () => {
    await assert.rejects(
      verify(token, record),
      (error) =>
        isRefusal(error, "bad_signature") && error instanceof Error && error.cause === undefined,
    );
    await verify(await makeToken(), record);
  });
});

Deno.test("verifySignature() hands no signature of another length to the platform", async () => {
  for (const algorithm of ALGORITHMS) {
    const key = await keyOf(algorithm);
    const lengths: number[] = [];
    const forged = await makeToken({ key, signature: () => new Uint8Array(65).fill(1) });
    await onPlatform(({ length }) => lengths.push(length) < 0, async () => {
      await assert.rejects(verify(forged, await makeRecord({ keys: [key] })));
      assert.deepEqual(lengths, [], algorithm);
      await verify(await makeToken({ key }), await makeRecord({ keys: [key] }));
      assert.equal(lengths.length, 1, algorithm);
    });
  }
});

Deno.test("verifySignature() accepts the second form of an ECDSA signature, with the same claims", async () => {
  // FIPS 186-5 §6.4: (r, n - s) verifies whatever (r, s) does, and anybody can compute it.
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const key = await keyOf("ES256");
  const token = await makeToken({ key });
  const twin = await makeToken({
    key,
    signature: (_, honest) => {
      const real = Buffer.from(honest());
      const s = BigInt(`0x${real.subarray(32).toString("hex")}`);
      const other = (order - s).toString(16).padStart(64, "0");
      return Buffer.concat([real.subarray(0, 32), Buffer.from(other, "hex")]);
    },
  });
  const record = await makeRecord({ keys: [key] });
  assert.deepEqual((await verify(twin, record)).claims, (await verify(token, record)).claims);
});
