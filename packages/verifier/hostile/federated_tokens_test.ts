/**
 * Every attack on a token once more, on tokens of a provider. An attack is refused for the reason that is expected of it, or
 * it is one of those that change nothing: what a rule does not map has no effect, so the forged claim and its twin act
 * alike.
 */
import assert from "node:assert/strict";
import { ATTACKS } from "@countersign/fixture/attacks";
import { memoryCast } from "@countersign/fixture/cast";
import { jwkOf, makeRule } from "@countersign/fixture/federation";
import { AUDIENCE, NOW } from "../fixtures/tokens.ts";
import {
  type IssuerRecord,
  JwtVerificationError,
  memoryKeySource,
  type ProviderRecord,
  remoteProviderKeys,
  type VerificationReason,
  verifyMultiIssuerJwt,
  type VerifyResult,
} from "../mod.ts";

const { cast, records } = await memoryCast(NOW, AUDIENCE);

/** The issuer as which a provider's tokens act. */
const acting = (name: string) => `acting-${name}`;

const issuers = records.map((record): IssuerRecord => ({
  ...record,
  issuer: acting(record.issuer),
  isActive: true,
  keys: [],
  policy: { ...record.policy, defaultRole: record.policy.allowedRoles[0] ?? null },
}));

/** Each issuer of the cast as a provider, whose key set holds its keys. */
const providers = records.map((
  { issuer, isActive, keys, revokedKids, policy },
): ProviderRecord => ({
  provider: issuer,
  isActive,
  keysFrom: "jwks",
  jwksUri: null,
  jwks: { keys: keys.map((key) => jwkOf({ ...key, privateKey: "" })) },
  algorithms: ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"],
  allowPrivate: false,
  rules: [makeRule({
    name: `of-${issuer}`,
    issuer: acting(issuer),
    audiences: policy.audiences ?? [AUDIENCE],
    conditions: { iss: issuer },
    subject: "{sub}",
    claims: {},
    maxTokenLifetime: policy.maxTokenLifetime,
  })],
  revokedKids,
}));

const options = {
  keySource: memoryKeySource(issuers, { providers }),
  providerKeys: remoteProviderKeys({ fetch: () => assert.fail("Nothing is fetched") }),
  now: () => NOW * 1000,
};

/**
 * Attacks whose outcome is another than with a registered key: another refusal, or none because nothing that was forged has
 * any effect. Every other attack is refused for the same reason.
 */
const OTHERWISE: readonly (readonly [string, RegExp, VerificationReason | "no effect"])[] = [
  ["header", /^kid of a revoked key/, "unknown_key"],
  // A key set has no times: a key is good while the provider lists it.
  ["header", /(standby|retired) key/, "no effect"],
  // The role is the rule's or the issuer's.
  ["names", /^(?!.*NUL)(a |no )?role\b/, "no effect"],
  ["names", /^sub (null|\[)/, "subject_not_allowed"],
  // The template spells it.
  ["names", /^sub 1$/, "no effect"],
  ["claims", /^aud (null|an empty list|an object)$/, "wrong_audience"],
  // Only the rule's own audience goes on.
  ["claims", /^aud a list with something that is no string$/, "no effect"],
  // Only what the rule maps goes on.
  [
    "claims",
    /^(a forged |a mark as |claim \w+ outside |a listed claim and |any claim )/,
    "no effect",
  ],
];

/** What a token was good for, but for what is its own. */
function effectOf(
  { role, rule, claims: { jti: _, iat: __, exp: ___, nbf: ____, ...claims } }: VerifyResult,
) {
  return { role, rule, claims };
}

async function outcomeOf(token: string): Promise<ReturnType<typeof effectOf> | string> {
  try {
    return effectOf(await verifyMultiIssuerJwt(token, options));
  } catch (error) {
    if (error instanceof JwtVerificationError) return error.reason;
    throw error;
  }
}

const met = new Set<RegExp>();
for (const [kind, attacks] of Object.entries(ATTACKS)) {
  for (const { name, refused, token, twin } of attacks) {
    const [, pattern, expected] = OTHERWISE.find(([of, names]) =>
      of === kind && names.test(name)
    ) ??
      [];
    if (pattern !== undefined) met.add(pattern);
    Deno.test(`a provider's token is no way around, of ${kind}: ${name}`, async () => {
      const outcome = await outcomeOf(token(cast));
      if (expected !== "no effect") {
        assert.deepEqual(outcome, expected ?? refused);
        return;
      }
      const honest = await outcomeOf(twin(cast));
      assert.ok(typeof honest !== "string" && typeof outcome !== "string", String(outcome));
      const claims = name === "sub 1" ? { ...honest.claims, sub: "1" } : honest.claims;
      assert.deepEqual(outcome, { ...honest, claims });
      assert.deepEqual(Object.keys(outcome.claims).toSorted(), ["aud", "iss", "sub"]);
      assert.match(outcome.claims.iss, /^acting-/);
      assert.equal(outcome.role, "widgets_writer");
    });
  }
}

Deno.test("every outcome that is another with a provider is one of an attack", () => {
  assert.deepEqual(OTHERWISE.map(([, pattern]) => pattern).filter((one) => !met.has(one)), []);
});
