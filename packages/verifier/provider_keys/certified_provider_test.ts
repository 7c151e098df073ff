/** A certified provider of OpenID Connect: its own discovery, its own rotation, its own tokens. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { startCertifiedProvider } from "@countersign/fixture/certified-provider";
import { makeRule, trustingFetch } from "@countersign/fixture/federation";
import { AUDIENCE, isRefusal, makeRecord } from "../fixtures/tokens.ts";
import {
  memoryKeySource,
  type ProviderRecord,
  remoteProviderKeys,
  verifyMultiIssuerJwt,
} from "../mod.ts";

function privateJwk(kid: string): object {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), kid, use: "sig", alg: "RS256" };
}

Deno.test("a certified provider's tokens act under a rule, through its own rotation", async () => {
  const [first, second] = [privateJwk("first"), privateJwk("second")];
  await using provider = await startCertifiedProvider(["ci", "ci-evil"], first);
  const record: ProviderRecord = {
    provider: provider.issuer,
    isActive: true,
    keysFrom: "discovery",
    jwksUri: null,
    jwks: null,
    algorithms: ["RS256"],
    allowPrivate: true,
    rules: [
      makeRule({ conditions: { client_id: "ci", scope: "write" }, subject: "oidc:{client_id}" }),
    ],
    revokedKids: [],
  };
  const deployer = await makeRecord({ issuer: "deployer" });
  let ahead = 0;
  const options = {
    keySource: memoryKeySource([deployer], { providers: [record] }),
    providerKeys: remoteProviderKeys({ fetch: trustingFetch, now: () => Date.now() + ahead }),
  };
  const verify = (token: string) => verifyMultiIssuerJwt(token, options);

  const { claims, matchedKey } = await verify(await provider.token("ci", AUDIENCE));
  assert.deepEqual([claims.iss, claims.sub, claims["client_id"]], [
    "deployer",
    "oidc:ci",
    undefined,
  ]);

  await assert.rejects(
    verify(await provider.token("ci-evil", AUDIENCE)),
    (error) => isRefusal(error, "rule_not_matched"),
  );
  await assert.rejects(
    verify(await provider.token("ci", "https://other.supabase.co")),
    (error) => isRefusal(error, "wrong_audience"),
  );

  const ofFirst = await provider.token("ci", AUDIENCE);
  provider.rotate(second, first);
  const ofSecond = await provider.token("ci", AUDIENCE);
  await assert.rejects(verify(ofSecond), (error) => isRefusal(error, "unknown_key"));
  ahead += 30_000;
  assert.notEqual((await verify(ofSecond)).matchedKey.kid, matchedKey.kid);
  assert.equal((await verify(ofFirst)).matchedKey.kid, matchedKey.kid);

  provider.rotate(second);
  ahead += 300_000;
  await verify(ofSecond);
  await assert.rejects(verify(ofFirst), (error) => isRefusal(error, "unknown_key"));
});
