/** Tokens of a provider, from its signature to the claims that go downstream. */
import assert from "node:assert/strict";
import {
  makeProvider,
  makeRule,
  type ProviderOptions,
  thumbprintOf,
} from "@countersign/fixture/federation";
import { AUDIENCE, isRefusal, makeRecord, makeToken, NOW } from "../fixtures/tokens.ts";
import {
  type FederationRule,
  type IssuerPolicy,
  type KeySource,
  memoryKeySource,
  type ProviderRecord,
  remoteProviderKeys,
  type VerificationReason,
  VerifiedTokenCache,
  verifyMultiIssuerJwt,
} from "../mod.ts";
import type { VerifyWithKeySource } from "../options/verify_options.ts";

const PROVIDER = "https://ci.example.com";
const CLAIMS = {
  aud: AUDIENCE,
  sub: "repo:owner/name:ref:refs/heads/main",
  repository: "owner/name",
  repository_id: "74",
  role: "service_role",
  email: "root@example.com",
};
const shared = await makeProvider(PROVIDER, { claims: CLAIMS, now: () => NOW });

interface Setting {
  readonly rule?: Partial<FederationRule>;
  readonly rules?: readonly FederationRule[];
  readonly policy?: Partial<IssuerPolicy>;
  readonly record?: Partial<ProviderRecord>;
  readonly isActive?: boolean;
  readonly options?: Partial<VerifyWithKeySource>;
}

async function setting(
  { rule, rules = [makeRule(rule)], policy, record, isActive = true, options }: Setting = {},
): Promise<VerifyWithKeySource> {
  const deployer = await makeRecord({
    issuer: "deployer",
    isActive,
    keys: [],
    policy: {
      allowedRoles: ["widgets_writer", "deploys"],
      defaultRole: "widgets_writer",
      ...policy,
    },
  });
  return {
    keySource: memoryKeySource([deployer, await makeRecord()], {
      providers: [{ ...shared.record, rules, ...record }],
    }),
    providerKeys: remoteProviderKeys({ fetch: () => assert.fail("Nothing is fetched") }),
    audience: "https://not-looked-at.example",
    now: () => NOW * 1000,
    ...options,
  };
}

async function verifier(of: Setting = {}) {
  const options = await setting(of);
  return (token: string) => verifyMultiIssuerJwt(token, options);
}

const token = (claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}) =>
  shared.forge.token({ claims, header });

async function assertRefused(
  reason: VerificationReason,
  setting: Setting,
  forged: string = token(),
): Promise<void> {
  const verify = await verifier(setting);
  await assert.rejects(verify(forged), (error) => isRefusal(error, reason));
}

Deno.test("a provider's token acts as its rule's issuer, with the claims that the rule maps alone", async () => {
  const verify = await verifier({ rule: { claims: { repo: "repository", nothing: "nothing" } } });
  const { claims, role, matchedKey, record, rule, observed, observedRules } = await verify(
    token({ jti: "j" }),
  );
  assert.deepEqual(claims, {
    iss: "deployer",
    sub: "gh:74",
    aud: [AUDIENCE],
    iat: NOW,
    exp: NOW + 60,
    jti: "j",
    repo: "owner/name",
  });
  assert.ok(Object.isFrozen(claims));
  assert.equal(role, "widgets_writer");
  assert.equal(rule, "deploy");
  assert.deepEqual(matchedKey, {
    issuer: "deployer",
    algorithm: "RS256",
    is_active: true,
    kid: thumbprintOf(shared.jwk),
  });
  assert.equal(record.issuer, "deployer");
  assert.deepEqual([observed, observedRules], [[], []]);
});

Deno.test("a provider's token is judged the same where the registry takes its time", async () => {
  const { keySource } = await setting();
  const slow: KeySource = {
    find: (name) => Promise.resolve(keySource.find(name)),
    findProvider: (name) => Promise.resolve(keySource.findProvider?.(name)),
  };
  const verify = await verifier({ options: { keySource: slow } });
  const { record, rule } = await verify(token());
  assert.deepEqual([record.issuer, rule], ["deployer", "deploy"]);
});

Deno.test("an issuer's own token acts under no rule, also where it is refused", async () => {
  const verify = await verifier({ options: { audience: AUDIENCE } });
  const own = await verify(await makeToken());
  assert.ok(!("rule" in own) && !("observedRules" in own));
  await assert.rejects(verify(await makeToken({ claims: { role: "nobody" } })), {
    reason: "role_not_allowed",
    rule: undefined,
  });
});

Deno.test("a rule's role is one that the issuer may use", async () => {
  const verify = await verifier({ rule: { role: "deploys" } });
  assert.equal((await verify(token())).role, "deploys");
  for (const role of ["service_role", "invoices_writer", ""]) {
    await assertRefused("role_not_allowed", { rule: { role } });
  }
  await assertRefused("role_not_allowed", { policy: { defaultRole: null } });
});

Deno.test("what a rule maps is under the issuer's policy", async () => {
  const user = "5f1ab1e0-0000-4000-8000-00000000cafe";
  const ofUser = token({ user });
  await assertRefused("claim_not_allowed", { rule: { claims: { email: "email" } } });
  await assertRefused("claim_not_allowed", {
    rule: { claims: { repo: "repository" } },
    policy: { allowedClaims: [] },
  });
  await assertRefused("subject_not_allowed", { rule: { subject: "{user}" } }, ofUser);
  await assertRefused("subject_not_allowed", { policy: { allowedSubjects: ["gl:*"] } });
  await assertRefused("subject_not_allowed", { rule: { subject: "gh:{nothing}" } });
  await assertRefused("wrong_audience", { policy: { audiences: ["widgets of the north"] } });
  await assertRefused("issued_before_cutoff", { policy: { rejectIssuedBefore: NOW + 1 } });
  await assertRefused(
    "invalid_claims",
    { policy: { singleUse: true } },
    token({ jti: undefined }),
  );
  const refusing = await verifier({ rule: { claims: { email: "email" } } });
  await assert.rejects(refusing(token()), { issuer: "deployer", rule: "deploy", claim: "email" });
  const verify = await verifier({
    rule: { claims: { email: "email" } },
    policy: { allowedClaims: ["email"] },
  });
  assert.equal((await verify(token())).claims["email"], "root@example.com");
});

Deno.test("a rule cannot map what the verifier has rules for", async () => {
  for (
    const name of [
      "iss",
      "sub",
      "aud",
      "exp",
      "nbf",
      "iat",
      "jti",
      "role",
      "countersign",
      "__proto__",
    ]
  ) {
    const claims = Object.fromEntries([[name, "repository"]]);
    await assertRefused("claim_not_allowed", { rule: { claims } });
  }
});

Deno.test("a rule says how long its provider's tokens may live", async () => {
  const anHour = token({ exp: NOW + 3600 });
  await (await verifier())(anHour);
  await assertRefused("lifetime_too_long", { rule: { maxTokenLifetime: 3599 } }, anHour);
  await assertRefused("expired", {}, token({ iat: NOW - 90, exp: NOW - 30 }));
  await assertRefused("not_yet_valid", {}, token({ iat: NOW + 30, exp: NOW + 60 }));
  for (const claims of [{ exp: undefined }, { iat: undefined }, { exp: "1" }, { nbf: "x" }]) {
    await assertRefused("invalid_claims", {}, token(claims));
  }
});

Deno.test("a provider that is off, revoked or not registered lets nobody in", async () => {
  await assertRefused("inactive_issuer", { record: { isActive: false } });
  await assertRefused("inactive_issuer", { isActive: false });
  await assertRefused("revoked_key", { record: { revokedKids: [thumbprintOf(shared.jwk)] } });
  await assertRefused("algorithm_mismatch", { record: { algorithms: ["ES256"] } });
  await assertRefused("unknown_key", {}, token({}, { kid: "another" }));
  for (
    const iss of [
      `${PROVIDER}/`,
      PROVIDER.toUpperCase(),
      "https://ci.example.com:443",
      "https://ci.ex\u0430mple.com",
    ]
  ) {
    await assertRefused("unknown_issuer", {}, token({ iss }));
  }
  await assertRefused("unknown_issuer", { rules: [makeRule({ issuer: "nobody" })] });
});

Deno.test("a provider's key is not an issuer's, whatever kid it has", async () => {
  const billing = await makeRecord();
  const kid = billing.keys[0]?.kid;
  await assertRefused("unknown_key", {}, token({ iss: "billing" }));
  await assertRefused("algorithm_mismatch", {}, token({ iss: "billing" }, { kid }));
  const registered = await makeProvider(PROVIDER, { claims: CLAIMS, now: () => NOW });
  const jwks = { keys: [{ ...registered.jwk, kid }] };
  const verify = await verifier({ record: { jwks } });
  const { matchedKey } = await verify(registered.forge.token({ header: { kid } }));
  assert.equal(matchedKey.kid, thumbprintOf(registered.jwk));
});

Deno.test("a token without kid is held against the provider's keys of its algorithm", async () => {
  const other = await makeProvider(PROVIDER);
  const verify = await verifier({ record: { jwks: { keys: [other.jwk, shared.jwk] } } });
  await verify(token({}, { kid: undefined }));
});

Deno.test("providers are refused where no keys of theirs can be had", async () => {
  const verify = await verifier({ options: { allowedIssuers: ["deployer"] } });
  assert.equal((await verify(token())).record.issuer, "deployer");
  await assertRefused("rule_not_matched", { options: { allowedIssuers: ["billing"] } });
  await assertRefused(
    "issuer_not_allowed",
    { options: { allowedIssuers: ["x"] } },
    token({ iss: "y" }),
  );
  const keySource = memoryKeySource([], { providers: [shared.record] });
  await assert.rejects(
    verifyMultiIssuerJwt(token(), { keySource }),
    (error) => isRefusal(error, "unknown_issuer"),
  );
});

Deno.test("a wish for a rule is for a provider's token alone", async () => {
  const options = { rule: "deploy" };
  const verify = await verifier({ options });
  assert.equal((await verify(token())).rule, "deploy");
  await assertRefused("rule_not_matched", { options: { rule: "other" } });
  const own = await makeToken();
  await assertRefused("rule_not_matched", { options: { rule: "deploy", audience: AUDIENCE } }, own);
});

Deno.test("a token seen before is mapped once, and under another wish again", async () => {
  const cache = new VerifiedTokenCache();
  const rules = [makeRule(), makeRule({ name: "other", subject: "o:{repository_id}" })];
  const deployer = await makeRecord({
    issuer: "deployer",
    policy: { allowedRoles: ["billing_reader"] },
  });
  const keySource = memoryKeySource([deployer], { providers: [{ ...shared.record, rules }] });
  const options = { keySource, providerKeys: remoteProviderKeys(), cache, now: () => NOW * 1000 };
  const seen = token();
  const as = (rule: string) => verifyMultiIssuerJwt(seen, { ...options, rule });
  const first = await as("deploy");
  assert.equal((await as("deploy")).claims, first.claims);
  assert.equal((await as("other")).claims.sub, "o:74");
  assert.equal((await as("deploy")).claims.sub, "gh:74");
  await assert.rejects(
    verifyMultiIssuerJwt(seen, options),
    (error) => isRefusal(error, "ambiguous_rule"),
  );
  const changed = memoryKeySource([deployer], {
    providers: [{ ...shared.record, rules: [makeRule({ subject: "new:{repository_id}" })] }],
  });
  const { claims } = await verifyMultiIssuerJwt(seen, { ...options, keySource: changed });
  assert.equal(claims.sub, "new:74");
});

Deno.test("every kind of key verifies a provider's tokens", async () => {
  for (const algorithm of ["RS256", "RS384", "PS256", "ES256", "ES384", "EdDSA"] as const) {
    const options: ProviderOptions = { algorithm, claims: CLAIMS, now: () => NOW };
    const { record, forge, jwk } = await makeProvider(PROVIDER, options);
    const verify = await verifier({ record: { ...record, rules: [makeRule()] } });
    assert.equal((await verify(forge.token())).matchedKey.kid, thumbprintOf(jwk), algorithm);
  }
});
