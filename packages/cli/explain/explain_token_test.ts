import { generateIssuerKeyPair, signMultiIssuerJwt } from "@countersign/signer";
import { type IssuerRecord, JwtVerificationError } from "@countersign/verifier";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { sign as signBytes } from "node:crypto";
import { type ExplainOptions, explainToken } from "./explain_token.ts";

const NOW = Date.UTC(2026, 10, 24, 12);
const now = () => NOW;
const pair = await generateIssuerKeyPair({ algorithm: "ES256" });
const { publicKey, privateKey, kid } = pair;

const RECORD: IssuerRecord = {
  issuer: "billing",
  isActive: true,
  policy: {
    allowedRoles: ["invoices_writer"],
    defaultRole: null,
    allowedSubjects: ["job-*"],
    allowUserSubjects: false,
    allowedClaims: ["tenant"],
    audiences: null,
    maxTokenLifetime: 300,
    rejectIssuedBefore: null,
    singleUse: false,
    mode: "enforce",
  },
  keys: [{ kid, algorithm: "ES256", publicKey, notBefore: null, notAfter: null }],
  revokedKids: [],
};

function sign(
  claims: Record<string, unknown> = {},
  options: { expiresIn?: string; now?: () => number; audience?: string } = {},
): Promise<string> {
  return signMultiIssuerJwt({
    privateKey,
    issuer: "billing",
    claims: { sub: "job-1", role: "invoices_writer", ...claims },
    now,
    ...options,
  });
}

async function explained(options: Partial<ExplainOptions> = {}) {
  return await explainToken({
    token: await sign(),
    record: RECORD,
    audience: ["https://prod-abc123.supabase.co"],
    now,
    ...options,
  });
}

const policy = (changes: Partial<IssuerRecord["policy"]>): IssuerRecord => ({
  ...RECORD,
  policy: { ...RECORD.policy, ...changes },
});

const [header = "", claims = "", signature = ""] = (await sign()).split(".");
const forged = signature.replace(/^./, (first) => first === "A" ? "B" : "A");

for (
  const [step, reason, options, token, registry] of [
    ["form", "malformed", { token: "nonsense" }, /nothing readable/, /form/],
    ["form", "malformed", { token: `${header}.${claims}` }, /kid/, /form/],
    ["issuer", "unknown_issuer", { record: undefined }, /iss "billing"/, /no issuer/],
    ["issuer", "inactive_issuer", { record: { ...RECORD, isActive: false } }, /iss/, /deactivated/],
    ["key", "unknown_key", { record: { ...RECORD, keys: [] } }, new RegExp(kid), /no key/],
    [
      "key",
      "revoked_key",
      { record: { ...RECORD, keys: [], revokedKids: [kid] } },
      /kid/,
      /revoked/,
    ],
    [
      "key",
      "key_not_current",
      { record: { ...RECORD, keys: RECORD.keys.map((key) => ({ ...key, notAfter: 1 })) } },
      /kid/,
      /until 1970-01-01T00:00:01/,
    ],
    [
      "signature",
      "bad_signature",
      { token: `${header}.${claims}.${forged}` },
      /alg "ES256"/,
      /ES256/,
    ],
    [
      "times",
      "expired",
      { now: () => NOW + 120_000 },
      /exp 2026-11-24T12:01:00/,
      /now 2026-11-24T12:02:00/,
    ],
    ["times", "not_yet_valid", { now: () => NOW - 120_000 }, /iat/, /now 2026-11-24T11:58:00/],
    ["times", "lifetime_too_long", { record: policy({ maxTokenLifetime: 30 }) }, /exp/, /30s/],
    [
      "times",
      "issued_before_cutoff",
      { record: policy({ rejectIssuedBefore: NOW / 1000 + 1 }) },
      /iat/,
      /iat not before 2026-11-24T12:00:01/,
    ],
    [
      "policy",
      "role_not_allowed",
      { record: policy({ allowedRoles: [] }) },
      /writer/,
      /roles \[\]/,
    ],
    ["policy", "subject_not_allowed", { record: policy({ allowedSubjects: [] }) }, /job-1/, /\[\]/],
  ] satisfies [string, string, Partial<ExplainOptions>, RegExp, RegExp][]
) {
  Deno.test(`explainToken() says ${reason} at the step ${step}`, async () => {
    const { accepted, reason: found, steps } = await explained(options);
    assert.deepEqual({ accepted, reason: found }, { accepted: false, reason });
    const at = steps.findIndex(({ outcome }) => outcome === "failed");
    assert.equal(steps[at]?.step, step);
    assert(steps.slice(0, at).every(({ outcome }) => outcome === "passed"));
    assert(steps.slice(at + 1).every(({ outcome }) => outcome === "not reached"));
    assert.match(steps[at]?.facts?.token ?? "", token);
    assert.match(steps[at]?.facts?.registry ?? "", registry);
  });
}

Deno.test("explainToken() says wrong_audience and claim_not_allowed", async () => {
  const elsewhere = await explained({ token: await sign({}, { audience: "https://staging.co" }) });
  assert.equal(elsewhere.reason, "wrong_audience");
  const facts = elsewhere.steps.find(({ step }) => step === "audience")?.facts;
  assert.deepEqual(facts, {
    token: 'aud "https://staging.co"',
    registry: 'one of ["https://prod-abc123.supabase.co"]',
  });
  assert.equal(
    (await explained({ token: await sign({ email: "a@b.co" }) })).reason,
    "claim_not_allowed",
  );
});

/** A token with claims that the signer would not sign. */
function careless(claims: Record<string, unknown>): string {
  const iat = NOW / 1000;
  const all = {
    iss: "billing",
    sub: "job-1",
    role: "invoices_writer",
    iat,
    exp: iat + 60,
    ...claims,
  };
  const input = [{ alg: "ES256", kid }, all]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  const key = { key: privateKey, dsaEncoding: "ieee-p1363" } as const;
  return `${input}.${signBytes("sha256", Buffer.from(input), key).toString("base64url")}`;
}

for (
  const [step, claims] of [
    ["times", { exp: "soon" }],
    ["times", { nbf: 1.5 }],
    ["times", { exp: NOW / 1000 }],
    ["audience", { aud: [] }],
    ["policy", { role: ["invoices_writer"] }],
    ["policy", { sub: "a\nb" }],
  ] as const
) {
  Deno.test(`explainToken() says invalid_claims at the step ${step}: ${JSON.stringify(claims)}`, async () => {
    assert((await explained({ token: careless({}) })).accepted);
    const { reason, steps } = await explained({ token: careless(claims) });
    assert.equal(reason, "invalid_claims");
    assert.equal(steps.find(({ outcome }) => outcome === "failed")?.step, step);
  });
}

Deno.test("explainToken() accepts what the proxy accepts", async () => {
  const { accepted, role, steps } = await explained();
  assert.deepEqual({ accepted, role }, { accepted: true, role: "invoices_writer" });
  assert(steps.every(({ outcome }) => outcome === "passed"));
});

Deno.test("explainToken() tells what observe mode let through", async () => {
  const record = policy({ allowedSubjects: ["other"], mode: "observe" });
  const { accepted, observed } = await explained({ record });
  assert.equal(accepted, true);
  assert.match(observed.join(), /^subject_not_allowed: /);
});

Deno.test("explainToken() says which steps were not checked", async () => {
  const { steps } = await explained({ unchecked: { policy: "no registry was asked" } });
  assert.deepEqual(steps.at(-1), {
    step: "policy",
    outcome: "not checked",
    message: "no registry was asked",
  });
});

Deno.test("explainToken() passes on what is not about the token", async () => {
  await assert.rejects(
    explained({ now: () => NaN }),
    (error) => !(error instanceof JwtVerificationError),
  );
});
