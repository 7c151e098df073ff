import { AUDIENCE, keyOf, makeRecord, makeToken, NOW } from "./fixtures/tokens.ts";
import { ALGORITHMS, memoryKeySource, VerifiedTokenCache, verifyMultiIssuerJwt } from "./mod.ts";

const now = (): number => NOW * 1000;

for (const algorithm of ALGORITHMS) {
  const key = await keyOf(algorithm);
  const token = await makeToken({ key });
  const options = {
    keySource: memoryKeySource([await makeRecord({ keys: [key] })]),
    audience: AUDIENCE,
    now,
  };
  Deno.bench(`verifyMultiIssuerJwt() ${algorithm}, fresh token`, { group: "verify" }, async () => {
    await verifyMultiIssuerJwt(token, options);
  });
}

const key = await keyOf("RS256");
const token = await makeToken({ key });
const options = {
  keySource: memoryKeySource([await makeRecord({ keys: [key] })]),
  audience: AUDIENCE,
  cache: new VerifiedTokenCache(),
  now,
};
await verifyMultiIssuerJwt(token, options);
const bytes = new TextEncoder().encode(token);
const decoder = new TextDecoder();

Deno.bench("verifyMultiIssuerJwt() RS256, token seen before", { group: "hit" }, async () => {
  await verifyMultiIssuerJwt(token, options);
});

// A request's token is a new string each time, and has to be hashed before it can be found.
Deno.bench("the same, as a new string", { group: "hit" }, async () => {
  await verifyMultiIssuerJwt(decoder.decode(bytes), options);
});

Deno.bench("making the new string alone", { group: "hit" }, () => {
  decoder.decode(bytes);
});
