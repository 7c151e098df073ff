import assert from "node:assert/strict";
import { isRefusal, keyOf, makeKey, makeRecord, NOW } from "../fixtures/tokens.ts";
import { type IssuerRecord, JwtVerificationError, type VerificationReason } from "../mod.ts";
import type { ProtectedHeader } from "../token/header.ts";
import { candidateKeys } from "./candidate_keys.ts";

const [current, other, revoked] = [
  await keyOf("EdDSA"),
  await makeKey("EdDSA"),
  await makeKey("EdDSA"),
];
const rsa = await keyOf("RS256");

const header = (kid?: string): ProtectedHeader => ({ alg: "EdDSA", kid });

function refuses(reason: VerificationReason, kid: string | undefined, record: IssuerRecord): void {
  assert.throws(
    () => candidateKeys(header(kid), record, NOW),
    (error) => isRefusal(error, reason),
  );
}

Deno.test("candidateKeys() refuses a revoked key that the record still lists", async () => {
  const record = await makeRecord({ keys: [current, revoked], revokedKids: [revoked.kid] });
  refuses("revoked_key", revoked.kid, record);
  assert.deepEqual(candidateKeys(header(current.kid), record, NOW), [current]);
});

Deno.test("candidateKeys() leaves out a revoked key that the record still lists, without kid", async () => {
  const record = await makeRecord({ keys: [revoked, current], revokedKids: [revoked.kid] });
  assert.deepEqual(candidateKeys(header(), record, NOW), [current]);
  const alone = await makeRecord({ keys: [revoked], revokedKids: [revoked.kid] });
  refuses("revoked_key", undefined, alone);
});

Deno.test("candidateKeys() says of an issuer without a live key what became of its keys", async () => {
  const cases: readonly [VerificationReason, object, string | undefined][] = [
    ["unknown_key", { keys: [], revokedKids: [] }, undefined],
    ["revoked_key", { keys: [], revokedKids: [revoked.kid] }, revoked.kid],
    ["revoked_key", { keys: [], revokedKids: [revoked.kid, other.kid] }, undefined],
    [
      "key_not_current",
      { keys: [{ ...current, notAfter: NOW }], revokedKids: [revoked.kid] },
      undefined,
    ],
    ["algorithm_mismatch", { keys: [rsa], revokedKids: [revoked.kid] }, undefined],
  ];
  for (const [reason, changes, kid] of cases) {
    const record = await makeRecord(changes);
    assert.throws(() => candidateKeys(header(), record, NOW), (error) => {
      assert.ok(error instanceof JwtVerificationError);
      assert.deepEqual([error.reason, error.issuer, error.kid], [reason, "billing", kid]);
      return true;
    });
  }
});

Deno.test("candidateKeys() answers with the named key alone, whatever its place", async () => {
  for (const keys of [[current, other], [other, current]]) {
    const record = await makeRecord({ keys });
    assert.deepEqual(candidateKeys(header(other.kid), record, NOW), [other]);
  }
});

Deno.test("candidateKeys() says of a named key first that its algorithm is another", async () => {
  const retired = { ...rsa, notAfter: NOW - 1 };
  refuses("algorithm_mismatch", rsa.kid, await makeRecord({ keys: [retired] }));
  const live = { ...rsa, notAfter: NOW + 1 };
  const record = await makeRecord({ keys: [live] });
  assert.deepEqual(candidateKeys({ alg: "RS256", kid: rsa.kid }, record, NOW), [live]);
});

Deno.test("candidateKeys() takes a key from notBefore on, and no longer at notAfter", async () => {
  const key = { ...current, notBefore: NOW, notAfter: NOW + 10 };
  const record = await makeRecord({ keys: [key] });
  for (const kid of [key.kid, undefined]) {
    for (const [second, live] of [[-1, false], [0, true], [9, true], [10, false]] as const) {
      const candidates = () => candidateKeys(header(kid), record, NOW + second);
      if (live) assert.deepEqual(candidates(), [key]);
      else assert.throws(candidates, (error) => isRefusal(error, "key_not_current"));
    }
  }
});

Deno.test("candidateKeys() answers without kid with four keys at most, of the header's algorithm", async () => {
  const others = await Promise.all(Array.from({ length: 5 }, () => makeKey("EdDSA")));
  const record = await makeRecord({ keys: [rsa, ...others] });
  assert.deepEqual(candidateKeys(header(), record, NOW), others.slice(0, 4));
});
