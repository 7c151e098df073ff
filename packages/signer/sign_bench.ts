import { generateIssuerKeyPair } from "./key/key_pair.ts";
import { signMultiIssuerJwt } from "./sign.ts";
import { createTokenSource } from "./token_source.ts";
import type { Algorithm } from "./types.ts";

const ALGORITHMS: Algorithm[] = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"];

// One import and one signature against the signature alone, with one algorithm after the other.
for (const algorithm of ALGORITHMS) {
  const { privateKey } = await generateIssuerKeyPair({ algorithm });
  const options = {
    privateKey,
    algorithm,
    issuer: "my-service",
    audience: "prod-abc123",
    claims: { sub: "depot-42", role: "widgets_writer" },
  };
  const source = createTokenSource(options);
  await source();

  Deno.bench(`${algorithm}: signMultiIssuerJwt(), key from PEM`, { group: algorithm }, async () => {
    await signMultiIssuerJwt(options);
  });
  Deno.bench(`${algorithm}: token source`, { group: algorithm, baseline: true }, async () => {
    await source();
  });
}
