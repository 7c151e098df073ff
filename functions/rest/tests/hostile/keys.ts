import { Buffer } from "node:buffer";
import { createPublicKey } from "node:crypto";
import type { Stage } from "@countersign/fixture/stage";
import { type HostileCase, tokenAttack } from "./hostile_case.ts";
import { NEUTRAL_KID, planted, UNIVERSAL_SIGNATURE } from "./planted_keys.ts";

const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));

function modulus(stage: Stage): Uint8Array {
  const { n } = createPublicKey(stage.warehouse.material.publicKey).export({ format: "jwk" });
  return Buffer.from(String(n), "base64url");
}

const ecdsa = { as: (stage: Stage) => stage.trusted };

export const KEYS: readonly HostileCase[] = [
  tokenAttack("RSA signature 0", "bad_signature", { signature: () => new Uint8Array(256) }),
  tokenAttack("RSA signature 1", "bad_signature", {
    signature: () => new Uint8Array(256).fill(1, 255),
  }),
  tokenAttack("RSA signature equal to the modulus", "bad_signature", (stage) => ({
    signature: () => modulus(stage),
  })),
  tokenAttack("RSA signature above the modulus", "bad_signature", {
    signature: () => new Uint8Array(256).fill(0xff),
  }),
  tokenAttack("RSA signature of random bytes", "bad_signature", { signature: () => random(256) }),
  tokenAttack("RSA signature of one byte", "bad_signature", { signature: () => random(1) }),
  tokenAttack("RSA signature with a leading zero more", "bad_signature", {
    signature: (_, honest) => Uint8Array.of(0, ...honest()),
  }),
  tokenAttack("RSA signature with a byte more", "bad_signature", {
    signature: (_, honest) => Uint8Array.of(...honest(), 0),
  }),
  tokenAttack("RSA signature with one bit changed", "bad_signature", {
    signature: (_, honest) => honest().map((byte, i) => i === 100 ? byte ^ 1 : byte),
  }),
  tokenAttack("signature of another token", "bad_signature", (stage) => ({
    signature: () => stage.warehouse.token().split(".")[2]!,
  })),
  tokenAttack("signature of the payload without the header", "bad_signature", (stage) => ({
    signature: (input) => stage.warehouse.sign(input.split(".")[1]!),
  })),
  tokenAttack("signature by another issuer's key", "bad_signature", (stage) => ({
    signature: (input) => stage.billing.sign(input),
  }), ecdsa),
  tokenAttack("ECDSA signature of zeros (CVE-2022-21449)", "bad_signature", {
    signature: () => new Uint8Array(64),
  }, ecdsa),
  tokenAttack("ECDSA signature in DER", "bad_signature", (stage) => ({
    signature: (input) => stage.trusted.sign(input, "ES256", "der"),
  }), ecdsa),
  tokenAttack("ECDSA signature of random bytes", "bad_signature", {
    signature: () => random(64),
  }, ecdsa),
  tokenAttack("ECDSA signature cut in half", "bad_signature", {
    signature: (_, honest) => honest().subarray(0, 32),
  }, ecdsa),
  tokenAttack(
    "a signature that holds for every message, by a key of Ed25519's neutral point",
    "bad_signature",
    {
      header: { kid: NEUTRAL_KID },
      signature: () => UNIVERSAL_SIGNATURE,
    },
    { as: () => planted },
  ),
];
