import { generateIssuerKeyPair } from "./key/key_pair.ts";
import { createTokenSource } from "./token_source.ts";

const { privateKey } = await generateIssuerKeyPair();
const options = {
  privateKey,
  issuer: "my-service",
  claims: { sub: "depot-42", role: "widgets_writer" },
  expiresIn: "1h",
};
const fresh = createTokenSource(options);
const reusing = createTokenSource({ ...options, reuse: 0.5 });
await Promise.all([fresh(), reusing()]);

Deno.bench("RS256 token source: fresh", { group: "token source", baseline: true }, async () => {
  await fresh();
});
Deno.bench("RS256 token source: reuse", { group: "token source" }, async () => {
  await reusing();
});
