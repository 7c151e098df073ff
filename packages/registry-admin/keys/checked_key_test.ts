import { type Algorithm, generateIssuerKeyPair } from "@countersign/signer";
import assert from "node:assert/strict";
import { RegistryError } from "../errors.ts";
import { checkedKey } from "./checked_key.ts";
import { registerPublicKey } from "./register_public_key.ts";

const REFUSING: typeof fetch = () => Promise.reject(new Error("asked the target"));

Deno.test("registerPublicKey() asks the target nothing for a key that can't verify, and quotes none", async () => {
  const { privateKey, publicKey } = await generateIssuerKeyPair();
  const bad = [
    privateKey,
    privateKey.replaceAll("PRIVATE", "PUBLIC"),
    `${publicKey}${publicKey}`,
    publicKey.replaceAll("PUBLIC KEY", "CERTIFICATE"),
    publicKey.slice(0, -60),
    "./keys/billing.pub",
    "",
  ];
  for (const given of bad) {
    const registration = registerPublicKey({
      supabaseUrl: "https://ref.supabase.co",
      serviceRoleKey: "sb_secret_x",
      fetch: REFUSING,
      issuer: "billing",
      publicKey: given,
    });
    await assert.rejects(registration, (error) => {
      assert(error instanceof RegistryError);
      assert.equal(error.code, "invalid_public_key", error.message);
      assert(!Deno.inspect(error).includes(privateKey.split("\n")[2] ?? ""));
      return true;
    });
  }
  await checkedKey(publicKey, undefined);
});

Deno.test("checkedKey() refuses an algorithm that the key is not for", async () => {
  const { publicKey } = await generateIssuerKeyPair({ algorithm: "ES256" });
  await assert.rejects(checkedKey(publicKey, "RS256"), { code: "invalid_public_key" });
  await assert.rejects(checkedKey(publicKey, "ES384"), { code: "invalid_public_key" });
  assert.equal((await checkedKey(publicKey, "ES256")).algorithm, "ES256");
});

Deno.test("checkedKey() takes the usual algorithm for the type of key", async () => {
  const usual: [Algorithm, Algorithm][] = [
    ["RS256", "RS256"],
    ["PS256", "RS256"],
    ["ES256", "ES256"],
    ["ES384", "ES384"],
    ["EdDSA", "EdDSA"],
  ];
  for (const [made, assumed] of usual) {
    const { publicKey, kid } = await generateIssuerKeyPair({ algorithm: made });
    const material = await checkedKey(publicKey, undefined);
    assert.deepEqual([material.algorithm, material.kid], [assumed, kid]);
  }
});
