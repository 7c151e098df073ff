import { memoryKeySource, type VerifyResult } from "@countersign/verifier";
import { canonicalJson } from "./canonical_json.ts";
import { createMinter, downstreamClaims } from "./downstream_token.ts";
import { makeIssuer, NOW, NOW_SEC, SEAL_KEY, SECRET } from "@countersign/fixture";
import { hs256Signer } from "./hs256_signer.ts";
import { jwkSigner } from "./jwk_signer.ts";
import { sealOf } from "./seal.ts";

const { record } = await makeIssuer("service-a");
const kid = record.keys[0]?.kid ?? "";
const verified = (): VerifyResult => ({
  claims: { iss: "service-a", sub: "worker-1", iat: NOW_SEC, exp: NOW_SEC + 60, jti: "id-1" },
  role: "widgets_writer",
  matchedKey: { issuer: "service-a", algorithm: "ES256", is_active: true, kid },
  record,
  observed: [],
});

const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
  "sign",
  "verify",
]);
const jwk = await crypto.subtle.exportKey("jwk", pair.privateKey);
const keySource = memoryKeySource([], { sealKey: SEAL_KEY });
const now = () => NOW;
const unsealed = createMinter({
  signer: hs256Signer(SECRET),
  keySource: memoryKeySource([]),
  now,
});
const hs256 = createMinter({ signer: hs256Signer(SECRET), keySource, now });
const es256 = createMinter({ signer: jwkSigner({ ...jwk, kid: "k" }), keySource, now });
const seen = verified();
await hs256(seen);
const claims = downstreamClaims(seen, NOW_SEC);

Deno.bench("HS256", { group: "mint", baseline: true }, async () => void await hs256(verified()));
Deno.bench("HS256 without a seal", { group: "mint" }, async () => void await unsealed(verified()));
Deno.bench("ES256", { group: "mint" }, async () => void await es256(verified()));
Deno.bench("again for the same inbound token", { group: "mint" }, () => void hs256(seen));

Deno.bench("the seal", { group: "seal", baseline: true }, async () => {
  await sealOf(claims, SEAL_KEY);
});
Deno.bench("its canonical form alone", { group: "seal" }, () => void canonicalJson(claims));
