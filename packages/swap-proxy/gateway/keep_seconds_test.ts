import { makeIssuer, NOW, NOW_SEC } from "@countersign/fixture";
import type { KeySource, VerifyResult } from "@countersign/verifier";
import assert from "node:assert/strict";
import { keepSeconds } from "./keep_seconds.ts";

const { record } = await makeIssuer("service-a");
const [key] = record.keys;
assert.ok(key !== undefined);

const VERIFIED: VerifyResult = {
  claims: { iss: "service-a", iat: NOW_SEC, exp: NOW_SEC + 3_600 },
  role: "widgets_writer",
  matchedKey: { issuer: "service-a", algorithm: "ES256", is_active: true, kid: key.kid },
  record,
  observed: [],
};

const source = (freshFor: number): KeySource => ({ find: () => record, freshFor: () => freshFor });
const keep = (changes: Partial<VerifyResult>, freshFor = Infinity, now = NOW) =>
  keepSeconds({ ...VERIFIED, ...changes }, source(freshFor), now);

Deno.test("keepSeconds() is never longer than the registry is believed, a cache's second included", () => {
  for (const milliseconds of [0, 1, 999, 1_000, 1_999, 2_000, 4_999, 5_000, 12_345]) {
    const seconds = keep({}, milliseconds);
    assert.ok(seconds === 0 || seconds * 1000 + 1000 <= milliseconds, `${milliseconds}`);
    assert.ok((seconds + 2) * 1000 > milliseconds, `${milliseconds}: as long as it may be`);
  }
  assert.equal(keepSeconds(VERIFIED, { find: () => record }, NOW), 0);
});

Deno.test("keepSeconds() is never longer than the inbound token, its key and the downstream token live", () => {
  const exp = (seconds: number) => ({ claims: { ...VERIFIED.claims, exp: NOW_SEC + seconds } });
  assert.equal(keep(exp(-3)), 0);
  assert.equal(keep(exp(1)), 0);
  assert.equal(keep(exp(2)), 1);
  assert.equal(keep(exp(2), Infinity, NOW + 1), 0);
  assert.equal(keep({}), 19);

  const until = (notAfter: number) => ({
    record: { ...record, keys: [{ ...key, notAfter: NOW_SEC + notAfter }] },
  });
  assert.equal(keep(until(5)), 4);
  assert.equal(keep(until(-5)), 0);
});

Deno.test("keepSeconds() is 0 for a single-use issuer, a provider's token, and what observe mode lets through", () => {
  const once = { ...record, policy: { ...record.policy, singleUse: true } };
  assert.equal(keep({ record: once }), 0);
  assert.equal(keep({ observed: [{ reason: "subject_not_allowed", message: "x" }] }), 0);
  assert.equal(keep({ rule: "deploy" }), 0);
  assert.ok(keep({ record }) > 0);
});
