/** What a provider's token costs beside a registered issuer's, in one run. */
import { keyOf, TokenForge } from "@countersign/fixture";
import { jwkOf, makeRule } from "@countersign/fixture/federation";
import { AUDIENCE, makeRecord, NOW } from "../fixtures/tokens.ts";
import {
  memoryKeySource,
  type ProviderRecord,
  remoteProviderKeys,
  VerifiedTokenCache,
  verifyMultiIssuerJwt,
} from "../mod.ts";

const key = await keyOf("RS256");
const CLAIMS = { aud: AUDIENCE, sub: "worker-1", repository_id: "74", repository_owner_id: "65" };

/** Providers with this many rules in all, of which one lets the token in. */
function providers(count: number, rulesOfEach: number): ProviderRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    provider: `https://ci-${index}.example.com`,
    isActive: true,
    keysFrom: "jwks",
    jwksUri: null,
    jwks: { keys: [jwkOf(key)] },
    algorithms: ["RS256"],
    allowPrivate: false,
    rules: Array.from({ length: rulesOfEach }, (_, rule) =>
      makeRule({
        name: `rule-${index}-${rule}`,
        conditions: { repository_owner_id: "65", repository_id: rule === 0 ? "74" : `9${rule}` },
      })),
    revokedKids: [],
  }));
}

const { privateKey: _, ...registered } = key;
const billing = await makeRecord({
  keys: [{ ...registered, notBefore: null, notAfter: null }],
  policy: { allowedClaims: null },
});
const deployer = await makeRecord({ issuer: "deployer", keys: [] });
const forge = (issuer: string) => new TokenForge({ ...key, issuer }, CLAIMS, () => NOW);

function verifier(records: ProviderRecord[], cache?: VerifiedTokenCache) {
  const options = {
    keySource: memoryKeySource([billing, deployer], { providers: records }),
    providerKeys: remoteProviderKeys(),
    audience: AUDIENCE,
    now: () => NOW * 1000,
    ...(cache && { cache }),
  };
  return (token: string) => verifyMultiIssuerJwt(token, options);
}

const own = forge("billing").token();
const federated = forge("https://ci-0.example.com").token();

for (const [group, seen] of [["fresh", false], ["seen before", true]] as const) {
  const cache = () => seen ? new VerifiedTokenCache() : undefined;
  const [few, many] = [verifier(providers(1, 10), cache()), verifier(providers(50, 20), cache())];
  for (const verify of [few, many]) await Promise.all([verify(own), verify(federated)]);
  Deno.bench(`a registered issuer's token, ${group}`, { group, baseline: true }, async () => {
    await few(own);
  });
  Deno.bench(`a provider's token, 10 rules, ${group}`, { group }, async () => {
    await few(federated);
  });
  Deno.bench(`a provider's token, 1,000 rules over 50 providers, ${group}`, { group }, async () => {
    await many(federated);
  });
}
