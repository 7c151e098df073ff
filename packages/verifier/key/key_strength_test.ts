import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { InvalidPublicKeyError } from "../errors.ts";
import {
  checkEd25519Key,
  checkRsaKey,
  P256,
  P384,
  pointOn,
  type PrimeCurve,
} from "./key_strength.ts";

function refuses(code: InvalidPublicKeyError["code"], check: () => void): void {
  assert.throws(check, (error) => error instanceof InvalidPublicKeyError && error.code === code);
}

/** The uncompressed point of a fresh key. */
function freshPoint(namedCurve: string): Uint8Array {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve });
  const { x, y } = publicKey.export({ format: "jwk" });
  const coordinate = (text = "") => Uint8Array.fromBase64(text, { alphabet: "base64url" });
  return Uint8Array.of(4, ...coordinate(x), ...coordinate(y));
}

const CURVES: readonly [string, PrimeCurve, PrimeCurve][] = [["P-256", P256, P384], [
  "P-384",
  P384,
  P256,
]];

for (const [name, curve, other] of CURVES) {
  Deno.test(`pointOn() takes a point of ${name}, and none beside it`, () => {
    const check = pointOn(curve);
    const point = freshPoint(name);
    check(point);
    for (const at of [1, point.length - 1]) {
      refuses("malformed_key", () => check(point.with(at, point[at]! ^ 1)));
    }
    // The same number, written with the prime added to it.
    refuses(
      "malformed_key",
      () => check(Uint8Array.of(4, ...new Uint8Array(point.length - 1).fill(0xff))),
    );
  });

  Deno.test(`pointOn() refuses any other form of a point of ${name}`, () => {
    const check = pointOn(curve);
    const point = freshPoint(name);
    for (const form of [0, 2, 3, 5, 6, 7]) {
      refuses("malformed_key", () => check(point.with(0, form)));
    }
    for (
      const wrong of [
        new Uint8Array(0),
        Uint8Array.of(0),
        point.slice(0, -1),
        Uint8Array.of(...point, 0),
      ]
    ) {
      refuses("malformed_key", () => check(wrong));
    }
    refuses("malformed_key", () => pointOn(other)(point));
  });
}

Deno.test("checkEd25519Key() refuses points of small order, whatever their sign says", () => {
  const identity = Uint8Array.of(1, ...new Uint8Array(31));
  for (const point of [new Uint8Array(32), identity]) {
    refuses("weak_point", () => checkEd25519Key(point));
    refuses("weak_point", () => checkEd25519Key(point.with(31, 0x80)));
  }
  checkEd25519Key(identity.with(0, 9));
  refuses("malformed_key", () => checkEd25519Key(new Uint8Array(31).fill(9)));
  refuses("malformed_key", () => checkEd25519Key(new Uint8Array(33).fill(9)));
});

/** DER by hand; every length here takes two bytes. */
const der = (tag: number, bytes: readonly number[]) =>
  bytes.length < 128
    ? [tag, bytes.length, ...bytes]
    : [tag, 0x82, bytes.length >> 8, bytes.length & 255, ...bytes];
const rsaKey = (modulus: readonly number[], exponent: readonly number[]) =>
  Uint8Array.from(der(0x30, [...der(2, modulus), ...der(2, exponent)]));
const modulus = (
  bytes: number,
  first = 0x80,
) => [0, first, ...new Array<number>(bytes - 2).fill(0x5b), 0x0b];

Deno.test("checkRsaKey() counts bits, not bytes", () => {
  refuses("rsa_modulus_size", () => checkRsaKey(rsaKey(modulus(256, 0x7f).slice(1), [1, 0, 1])));
  checkRsaKey(rsaKey(modulus(256), [1, 0, 1]));
  checkRsaKey(rsaKey(modulus(512), [1, 0, 1]));
  refuses("rsa_modulus_size", () => checkRsaKey(rsaKey(modulus(513, 0x01).slice(1), [1, 0, 1])));
});

Deno.test("checkRsaKey() refuses exponents under which a signature is cheap to forge or to check dearly", () => {
  for (
    const exponent of [[1], [3], [0, 0xff, 0xff], [1, 0, 0], [1, 0, 2], [
      1,
      0,
      0,
      0,
      1,
    ]]
  ) {
    refuses("rsa_exponent", () => checkRsaKey(rsaKey(modulus(256), exponent)));
  }
  for (const exponent of [[1, 0, 1], [1, 0, 3], [0, 0xff, 0xff, 0xff, 0xff]]) {
    checkRsaKey(rsaKey(modulus(256), exponent));
  }
});
