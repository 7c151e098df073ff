import assert from "node:assert/strict";
import { isRefusal, makeRecord } from "../fixtures/tokens.ts";
import type { KeySource, VerificationReason } from "../mod.ts";
import { findIssuer } from "./issuer.ts";

const record = await makeRecord();
const never: KeySource = { find: () => assert.fail("Expected no lookup") };

async function refuses(reason: VerificationReason, find: () => unknown): Promise<void> {
  await assert.rejects(async () => await find(), (error) => isRefusal(error, reason));
}

Deno.test("findIssuer() looks up no name that the registry can't hold", async () => {
  for (const iss of [undefined, null, 0, "", ["billing"], { toString: "billing" }]) {
    await refuses("malformed", () => findIssuer(iss, never, undefined));
  }
  for (const iss of ["b".repeat(256), "bill\ning", "\u0085", "\u007f"]) {
    await refuses("unknown_issuer", () => findIssuer(iss, never, undefined));
  }
  const longest = "b".repeat(255);
  const source: KeySource = { find: (issuer) => ({ ...record, issuer }) };
  assert.equal((await findIssuer(longest, source, undefined)).issuer, longest);
});

Deno.test("findIssuer() looks up no issuer beyond the allowed ones", async () => {
  for (const allowed of [[], ["Billing"], ["billing "], ["bill*"]]) {
    await refuses("issuer_not_allowed", () => findIssuer("billing", never, allowed));
  }
  assert.equal(await findIssuer("billing", { find: () => record }, ["x", "billing"]), record);
});

Deno.test("findIssuer() takes no other issuer's record from a source that folds names", async () => {
  for (const issuer of ["Billing", "billing ", "billing\u0000"]) {
    const other = { ...record, issuer };
    await refuses(
      "registry_unavailable",
      () => findIssuer("billing", { find: () => Promise.resolve(other) }, undefined),
    );
  }
  assert.equal(
    await findIssuer("billing", { find: () => Promise.resolve(record) }, undefined),
    record,
  );
});

Deno.test("findIssuer() takes only true for active", async () => {
  for (const isActive of [false, undefined, null, 1, "true"]) {
    const source = { find: () => JSON.parse(JSON.stringify({ ...record, isActive })) };
    await refuses("inactive_issuer", () => findIssuer("billing", source, undefined));
  }
});

Deno.test("findIssuer() answers without a promise where the source does", () => {
  assert.equal(findIssuer("billing", { find: () => record }, undefined), record);
});
