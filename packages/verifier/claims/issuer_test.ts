import assert from "node:assert/strict";
import { isRefusal, makeRecord } from "../fixtures/tokens.ts";
import type { KeySource, VerificationReason } from "../mod.ts";
import { findIssuer, findSigner } from "./issuer.ts";

const record = await makeRecord();
const never: KeySource = { find: () => assert.fail("Expected no lookup") };

const signerOf = (iss: unknown, keySource: KeySource, allowedIssuers?: readonly string[]) =>
  findSigner(iss, undefined, { keySource, allowedIssuers });

async function refuses(reason: VerificationReason, find: () => unknown): Promise<void> {
  await assert.rejects(async () => await find(), (error) => isRefusal(error, reason));
}

Deno.test("findSigner() looks up no name that the registry can't hold", async () => {
  for (const iss of [undefined, null, 0, "", ["billing"], { toString: "billing" }]) {
    await refuses("malformed", () => signerOf(iss, never, undefined));
  }
  for (const iss of ["b".repeat(256), "bill\ning", "\u0085", "\u007f"]) {
    await refuses("unknown_issuer", () => signerOf(iss, never, undefined));
  }
  const longest = "b".repeat(255);
  const source: KeySource = { find: (issuer) => ({ ...record, issuer }) };
  assert.equal((await signerOf(longest, source, undefined)).issuer, longest);
});

Deno.test("findSigner() looks up no issuer beyond the allowed ones", async () => {
  for (const allowed of [[], ["Billing"], ["billing "], ["bill*"]]) {
    await refuses("issuer_not_allowed", () => signerOf("billing", never, allowed));
  }
  assert.equal(await signerOf("billing", { find: () => record }, ["x", "billing"]), record);
});

Deno.test("findSigner() takes no other issuer's record from a source that folds names", async () => {
  for (const issuer of ["Billing", "billing ", "billing\u0000"]) {
    const other = { ...record, issuer };
    await refuses(
      "registry_unavailable",
      () => signerOf("billing", { find: () => Promise.resolve(other) }, undefined),
    );
  }
  assert.equal(
    await signerOf("billing", { find: () => Promise.resolve(record) }, undefined),
    record,
  );
});

Deno.test("findSigner() takes only true for active", async () => {
  for (const isActive of [false, undefined, null, 1, "true"]) {
    const source = { find: () => JSON.parse(JSON.stringify({ ...record, isActive })) };
    await refuses("inactive_issuer", () => signerOf("billing", source, undefined));
  }
});

Deno.test("findSigner() answers without a promise where the source does", () => {
  assert.equal(signerOf("billing", { find: () => record }, undefined), record);
});

Deno.test("findIssuer() finds an issuer by its exact name, active, and none else", async () => {
  const other = { find: () => ({ ...record, issuer: "Billing" }) };
  await refuses("registry_unavailable", () => findIssuer("billing", other));
  await refuses(
    "inactive_issuer",
    () => findIssuer("billing", { find: () => ({ ...record, isActive: false }) }),
  );
  await refuses("unknown_issuer", () => findIssuer("billing", { find: () => undefined }));
  assert.equal(findIssuer("billing", { find: () => record }), record);
});
