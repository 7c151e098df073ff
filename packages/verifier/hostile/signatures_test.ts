import assert from "node:assert/strict";
import {
  type HostileCase,
  isRefusal,
  keyOf,
  makeRecord,
  makeToken,
  refuses,
  signWith,
  verify,
} from "../fixtures/tokens.ts";
import { type Algorithm, ALGORITHMS } from "../mod.ts";

const signature = (bytes: (real: Uint8Array) => Uint8Array, algorithm: Algorithm): HostileCase => ({
  attack: {
    key: keys[algorithm],
    sign: async (signed) => bytes(await signWith(keys[algorithm], signed)),
  },
  twin: { key: keys[algorithm], sign: (signed) => signWith(keys[algorithm], signed) },
  record: { keys: [keys[algorithm]] },
  reason: "bad_signature",
});
const keys = {
  RS256: await keyOf("RS256"),
  RS384: await keyOf("RS384"),
  RS512: await keyOf("RS512"),
  PS256: await keyOf("PS256"),
  ES256: await keyOf("ES256"),
  ES384: await keyOf("ES384"),
  EdDSA: await keyOf("EdDSA"),
};
const FORGERIES: Record<string, (real: Uint8Array) => Uint8Array> = {
  "of zeros": (real) => new Uint8Array(real.length),
  "of one": (real) => new Uint8Array(real.length).fill(1, -1),
  "of ones": (real) => new Uint8Array(real.length).fill(0xff),
  "at random": (real) => crypto.getRandomValues(new Uint8Array(real.length)),
  "of one byte": () => new Uint8Array(1),
  "that is cut short": (real) => real.slice(0, -1),
  "with a byte too many": (real) => Uint8Array.from([...real, 0]),
  "with a zero in front": (real) => Uint8Array.from([0, ...real]),
  "backwards": (real) => real.toReversed(),
  "with one bit changed": (real) => real.with(7, (real[7] ?? 0) ^ 1),
};
for (const algorithm of ALGORITHMS) {
  for (const [name, forge] of Object.entries(FORGERIES)) {
    refuses(`an ${algorithm} signature ${name}`, signature(forge, algorithm));
  }
}

Deno.test("verifyMultiIssuerJwt() takes a platform that throws for one that says no", async () => {
  const { verify: original } = crypto.subtle;
  crypto.subtle.verify = () => Promise.reject(new DOMException("Expected 64 bytes", "DataError"));
  try {
    await assert.rejects(
      verify(await makeToken(), await makeRecord()),
      (error) =>
        isRefusal(error, "bad_signature") && error instanceof Error && error.cause === undefined,
    );
  } finally {
    crypto.subtle.verify = original;
  }
  await verify(await makeToken(), await makeRecord());
});
