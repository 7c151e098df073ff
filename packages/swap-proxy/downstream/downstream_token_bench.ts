import type { VerifyResult } from "@countersign/verifier";
import { createMinter } from "./downstream_token.ts";
import { makeIssuer, NOW, NOW_SEC, SECRET } from "@countersign/fixture";
import { hs256Signer } from "./hs256_signer.ts";
import { jwkSigner } from "./jwk_signer.ts";

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
const hs256 = createMinter(hs256Signer(SECRET), () => NOW);
const es256 = createMinter(jwkSigner({ ...jwk, kid: "k" }), () => NOW);
const seen = verified();
await hs256(seen);

Deno.bench("HS256", { group: "mint", baseline: true }, async () => void await hs256(verified()));
Deno.bench("ES256", { group: "mint" }, async () => void await es256(verified()));
Deno.bench("again for the same inbound token", { group: "mint" }, () => void hs256(seen));
