/**
 * Every attack on a token once more, on tokens of a provider. An attack is refused, or it changes nothing: what a rule does
 * not map has no effect, so the forged claim and its twin act alike.
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

/** Attacks on what is not a provider's: when a registered key is valid, and what it is registered for. */
const OF_REGISTERED_KEYS = /standby|retired|revoked|not yet|registered for/i;

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

for (const [kind, attacks] of Object.entries(ATTACKS)) {
  for (const { name, refused, token, twin } of attacks) {
    Deno.test(`a provider's token is no way around, of ${kind}: ${name}`, async () => {
      const outcome = await outcomeOf(token(cast));
      if (typeof outcome === "string") {
        const isForm = ["header", "encoding", "JSON", "signatures"].includes(kind);
        if (isForm && !OF_REGISTERED_KEYS.test(name)) assert.equal(outcome, refused);
        return;
      }
      // A subject that is a number is one that the template spells.
      if (name !== "sub 1") assert.deepEqual(outcome, await outcomeOf(twin(cast)));
      assert.deepEqual(Object.keys(outcome.claims).toSorted(), ["aud", "iss", "sub"]);
      assert.match(outcome.claims.iss, /^acting-/);
      assert.equal(outcome.role, "widgets_writer");
      // Who it is has been checked by the provider's key, whatever the token claims besides.
      assert.ok(
        !["header", "encoding", "JSON", "signatures"].includes(kind) ||
          OF_REGISTERED_KEYS.test(name),
        `let in: ${name}`,
      );
    });
  }
}
