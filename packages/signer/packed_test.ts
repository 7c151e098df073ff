import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { fileURLToPath } from "node:url";
import { jwtVerify } from "jose";

/** What Node runs; it sees the package as npm would install it. */
const PROGRAM = `
import { createTokenSource, generateIssuerKeyPair, keyId, signMultiIssuerJwt } from "@countersign/signer";
import { createPrivateKey, generateKeyPairSync } from "node:crypto";

const signed = [];
for (const algorithm of ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]) {
  const pair = await generateIssuerKeyPair({ algorithm });
  const jwk = createPrivateKey(pair.privateKey).export({ format: "jwk" });
  const options = { algorithm, issuer: "my-service", claims: { sub: "job-1" } };
  signed.push({
    algorithm,
    publicKey: pair.publicKey,
    kids: [pair.kid, await keyId(pair.privateKey), await keyId(jwk)],
    tokens: [
      await signMultiIssuerJwt({ ...options, privateKey: pair.privateKey }),
      await signMultiIssuerJwt({ ...options, privateKey: jwk }),
      await createTokenSource({ ...options, privateKey: pair.privateKey })(),
    ],
  });
}

const [rsa, other] = [1, 2].map(() => generateKeyPairSync("rsa", { modulusLength: 2048 }));
const weak = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const keys = {
  pkcs1: rsa.privateKey.export({ type: "pkcs1", format: "pem" }),
  sec1: ec.export({ type: "sec1", format: "pem" }),
  encrypted: ec.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" }),
  publicKey: rsa.publicKey.export({ type: "spki", format: "pem" }),
  weak: weak.export({ type: "pkcs8", format: "pem" }),
  weakJwk: weak.export({ format: "jwk" }),
  damaged: ec.export({ type: "pkcs8", format: "pem" }).replace(/.{20}\\n-----END/, "\\n-----END"),
  twoHalves: { ...rsa.privateKey.export({ format: "jwk" }), ...other.publicKey.export({ format: "jwk" }) },
};
const codes = {};
for (const [name, privateKey] of Object.entries(keys)) {
  const signing = signMultiIssuerJwt({ privateKey, issuer: "my-service", claims: { sub: "job-1" } });
  codes[name] = await signing.then(() => "signed", (error) => error.code ?? String(error));
}
console.log(JSON.stringify({ signed, codes }));
`;

interface Output {
  signed: { algorithm: string; publicKey: string; kids: string[]; tokens: string[] }[];
  codes: Record<string, string>;
}

async function run(command: string | URL, args: string[], cwd: string | URL): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, cwd }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test("the packed package signs, and refuses, under Node as it does here", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/node_modules/@countersign`, { recursive: true });
    const jose = fileURLToPath(import.meta.resolve("jose")).split("/dist/")[0] ?? "";
    await Deno.symlink(jose, `${folder}/node_modules/jose`);
    const packing = ["pack", "--allow-dirty", "--quiet", "--output", `${folder}/signer.tgz`];
    await run(Deno.execPath(), packing, new URL(".", import.meta.url));
    await run("tar", ["xzf", "signer.tgz"], folder);
    await Deno.rename(`${folder}/package`, `${folder}/node_modules/@countersign/signer`);
    await Deno.writeTextFile(`${folder}/program.mjs`, PROGRAM);

    const { signed, codes }: Output = JSON.parse(await run("node", ["program.mjs"], folder));
    assert.deepEqual(codes, {
      pkcs1: "wrong_key_format",
      sec1: "wrong_key_format",
      encrypted: "encrypted_key",
      publicKey: "not_a_private_key",
      weak: "weak_key",
      weakJwk: "weak_key",
      damaged: "invalid_key",
      twoHalves: "invalid_key",
    });
    assert.equal(signed.length, 7);
    for (const { algorithm, publicKey, kids, tokens } of signed) {
      assert.equal(new Set(kids).size, 1);
      for (const token of tokens) {
        const { protectedHeader } = await jwtVerify(token, createPublicKey(publicKey));
        assert.deepEqual(protectedHeader, { alg: algorithm, kid: kids[0], typ: "JWT" });
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
