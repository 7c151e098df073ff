/** Tokens in the shapes of those that people use, each with a rule that lets it in and a near miss that it keeps out. */
import assert from "node:assert/strict";
import { keyOf } from "@countersign/fixture";
import {
  CI_SHAPES,
  CLOUD_SHAPES,
  jwkOf,
  makeRule,
  SHAPE_AUDIENCE,
} from "@countersign/fixture/federation";
import { TokenForge } from "@countersign/fixture";
import { isRefusal, makeRecord, NOW } from "../fixtures/tokens.ts";
import {
  judgeRule,
  memoryKeySource,
  type ProviderRecord,
  remoteProviderKeys,
  verifyMultiIssuerJwt,
} from "../mod.ts";

const deployer = await makeRecord({ issuer: "deployer", keys: [] });
const SHAPES = [...CI_SHAPES, ...CLOUD_SHAPES];

Deno.test("there are at least forty shapes of tokens, no two alike", () => {
  assert.ok(SHAPES.length >= 40, `${SHAPES.length}`);
  assert.equal(new Set(SHAPES.map(({ name }) => name)).size, SHAPES.length);
});

for (
  const { name, issuer, algorithm = "RS256", claims, conditions, subject, sub, nearMiss } of SHAPES
) {
  Deno.test(`a rule lets in and keeps out tokens of ${name}`, async () => {
    const key = await keyOf(algorithm);
    const forge = new TokenForge({ ...key, issuer }, {
      jti: undefined,
      nbf: NOW - 300,
      exp: NOW + 3600,
      ...claims,
    }, () => NOW);
    const rule = makeRule({ conditions, subject });
    const record: ProviderRecord = {
      provider: issuer,
      isActive: true,
      keysFrom: "jwks",
      jwksUri: null,
      jwks: { keys: [jwkOf(key)] },
      algorithms: [algorithm],
      allowPrivate: false,
      rules: [rule],
      revokedKids: [],
    };
    const options = {
      keySource: memoryKeySource([deployer], { providers: [record] }),
      providerKeys: remoteProviderKeys(),
      now: () => NOW * 1000,
    };
    const result = await verifyMultiIssuerJwt(forge.token(), options);
    assert.equal(result.claims.sub, sub);
    assert.deepEqual(result.claims.aud, [SHAPE_AUDIENCE]);
    assert.ok(judgeRule(rule, claims).matches);

    const missed = "aud" in nearMiss ? "wrong_audience" : "rule_not_matched";
    await assert.rejects(
      verifyMultiIssuerJwt(forge.token({ claims: { ...nearMiss } }), options),
      (error) => isRefusal(error, missed),
    );
    assert.ok(!judgeRule(rule, { ...claims, ...nearMiss }).matches);
  });
}

Deno.test("a template that makes a user's id of Entra's sub is refused", async () => {
  const entra = CLOUD_SHAPES.find(({ name }) => name.startsWith("Entra"));
  assert.ok(entra !== undefined);
  const key = await keyOf("RS256");
  const forge = new TokenForge({ ...key, issuer: entra.issuer }, entra.claims, () => NOW);
  const verify = (subject: string) =>
    verifyMultiIssuerJwt(forge.token(), {
      keySource: memoryKeySource([deployer], {
        providers: [{
          provider: entra.issuer,
          isActive: true,
          keysFrom: "jwks",
          jwksUri: null,
          jwks: { keys: [jwkOf(key)] },
          algorithms: ["RS256"],
          allowPrivate: false,
          rules: [makeRule({ conditions: entra.conditions, subject })],
          revokedKids: [],
        }],
      }),
      providerKeys: remoteProviderKeys(),
      now: () => NOW * 1000,
    });
  await assert.rejects(verify("{sub}"), (error) => isRefusal(error, "subject_not_allowed"));
  assert.equal((await verify("entra:{sub}")).rule, "deploy");
});
