import assert from "node:assert/strict";
import { isRefusal, makeRecord, makeToken, NOW, verify } from "../fixtures/tokens.ts";
import type { IssuerPolicy, PolicyRefusal, VerificationReason } from "../mod.ts";

const USER_ID = "5f0c4c4e-8d0f-4b8e-9a53-6f5e0a0d9c11";

interface Observed {
  readonly claims: Readonly<Record<string, unknown>>;
  readonly policy?: Partial<IssuerPolicy>;
  readonly reason: PolicyRefusal["reason"];
  readonly role?: string;
}

const OBSERVED: Record<string, Observed> = {
  "a role that is not listed, and grants the default": {
    claims: { role: "shipping_writer" },
    reason: "role_not_allowed",
    role: "billing_reader",
  },
  "a subject that is not listed": {
    claims: { sub: "worker-2" },
    policy: { allowedSubjects: ["worker-1"] },
    reason: "subject_not_allowed",
  },
  "a missing subject": {
    claims: { sub: undefined },
    policy: { allowedSubjects: ["worker-1"] },
    reason: "subject_not_allowed",
  },
  "a claim that is not listed": {
    claims: { region: "eu" },
    policy: { allowedClaims: ["tenant"] },
    reason: "claim_not_allowed",
  },
};

for (const [name, { claims, policy, reason, role }] of Object.entries(OBSERVED)) {
  Deno.test(`verifyMultiIssuerJwt() observes ${name}`, async () => {
    const token = await makeToken({ claims });
    await assert.rejects(
      verify(token, await makeRecord({ policy: { ...policy, mode: "enforce" } })),
      (error) => isRefusal(error, reason),
    );
    const observing = await makeRecord({ policy: { ...policy, mode: "observe" } });
    const result = await verify(token, observing);
    assert.deepEqual(result.observed.map((refusal) => refusal.reason), [reason]);
    assert.equal(result.role, role ?? "billing_writer");
  });
}

interface Enforced {
  readonly claims: Readonly<Record<string, unknown>>;
  readonly policy?: Partial<IssuerPolicy>;
  readonly reason: VerificationReason;
}

const ENFORCED: Record<string, Enforced> = {
  "expiry": { claims: { iat: NOW - 60, exp: NOW - 30 }, reason: "expired" },
  "a lifetime": { claims: { exp: NOW + 3600 }, reason: "lifetime_too_long" },
  "a cut-off": {
    claims: {},
    policy: { rejectIssuedBefore: NOW + 1 },
    reason: "issued_before_cutoff",
  },
  "an audience": { claims: { aud: "other" }, reason: "wrong_audience" },
  "a user's id": { claims: { sub: USER_ID }, reason: "subject_not_allowed" },
  "a user's id that is not listed": {
    claims: { sub: USER_ID },
    policy: { allowUserSubjects: true, allowedSubjects: ["worker-1"] },
    reason: "subject_not_allowed",
  },
  "a protected claim": { claims: { email: "a@example.com" }, reason: "claim_not_allowed" },
  "a protected claim next to a list": {
    claims: { email: "a@example.com" },
    policy: { allowedClaims: ["tenant"] },
    reason: "claim_not_allowed",
  },
  "the mark of a downstream token": {
    claims: { countersign: {} },
    policy: { allowedClaims: ["countersign"] },
    reason: "claim_not_allowed",
  },
  "a reserved role": { claims: { role: "service_role" }, reason: "role_not_allowed" },
  "a role without a default to fall back to": {
    claims: { role: "shipping_writer" },
    policy: { defaultRole: null },
    reason: "role_not_allowed",
  },
  "a role of another type": { claims: { role: ["billing_writer"] }, reason: "invalid_claims" },
  "a missing jti": {
    claims: { jti: undefined },
    policy: { singleUse: true },
    reason: "invalid_claims",
  },
};

for (const [name, { claims, policy, reason }] of Object.entries(ENFORCED)) {
  Deno.test(`verifyMultiIssuerJwt() never merely observes ${name}`, async () => {
    const record = await makeRecord({ policy: { ...policy, mode: "observe" } });
    await assert.rejects(
      verify(await makeToken({ claims }), record),
      (error) => isRefusal(error, reason),
    );
  });
}

Deno.test("verifyMultiIssuerJwt() enforces a policy whose mode it doesn't know", async () => {
  const record = await makeRecord({ policy: { mode: JSON.parse('"off"') } });
  await assert.rejects(
    verify(await makeToken({ claims: { role: "shipping_writer" } }), record),
    (error) => isRefusal(error, "role_not_allowed"),
  );
});

/** A registry that is wrong, and allows what it must not. */
const BROKEN: Record<string, Enforced & { readonly twin: Enforced["claims"] }> = {
  "a default role that is not allowed": {
    claims: { role: undefined },
    twin: { role: "billing_writer" },
    policy: { defaultRole: "shipping_writer" },
    reason: "role_not_allowed",
  },
  "no role where there is no default": {
    claims: { role: undefined },
    twin: { role: "billing_writer" },
    policy: { defaultRole: null },
    reason: "role_not_allowed",
  },
  "a default role that is reserved": {
    claims: { role: undefined },
    twin: { role: "billing_writer" },
    policy: { defaultRole: "postgres", allowedRoles: ["postgres", "billing_writer"] },
    reason: "role_not_allowed",
  },
  "the mark of a downstream token, which a list names": {
    claims: { countersign: null },
    twin: {},
    policy: { allowedClaims: ["countersign"] },
    reason: "claim_not_allowed",
  },
};

for (const [name, { claims, twin, policy, reason }] of Object.entries(BROKEN)) {
  Deno.test(`applyPolicy() refuses ${name}`, async () => {
    const record = await makeRecord({ ...(policy && { policy }) });
    await assert.rejects(
      verify(await makeToken({ claims }), record),
      (error) => isRefusal(error, reason),
    );
    await verify(await makeToken({ claims: twin }), record);
  });
}
