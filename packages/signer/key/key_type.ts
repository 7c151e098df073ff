import type { KeyType } from "./algorithms.ts";
import { SignerError } from "../errors.ts";
import type { Jwk } from "../types.ts";

/** AlgorithmIdentifiers (RFC 5280 §4.1.1.2) in DER, without their outer tag and length. */
const BY_IDENTIFIER = new Map<string, KeyType>([
  ["06092a864886f70d0101010500", "RSA"], // RFC 8017 §A.1: rsaEncryption, NULL
  ["06072a8648ce3d020106082a8648ce3d030107", "P-256"], // RFC 5480 §2.1.1: id-ecPublicKey, secp256r1
  ["06072a8648ce3d020106052b81040022", "P-384"], // id-ecPublicKey, secp384r1
  ["06032b6570", "Ed25519"], // RFC 8410 §3
]);

const INTEGER = 0x02;
const SEQUENCE = 0x30;

/** The type of a PKCS#8 (RFC 5208 §5) or SPKI (RFC 5280 §4.1) key, from its AlgorithmIdentifier. */
export function keyTypeOfDer(der: Uint8Array, format: "pkcs8" | "spki"): KeyType {
  const key = readElement(der, 0, SEQUENCE);
  if (key.end !== der.length) throw damaged();
  const at = format === "pkcs8" ? readElement(der, key.start, INTEGER).end : key.start;
  const { start, end } = readElement(der, at, SEQUENCE);
  const identifier = Array.from(
    der.subarray(start, end),
    (byte) => byte.toString(16).padStart(2, "0"),
  );
  return BY_IDENTIFIER.get(identifier.join("")) ?? unsupported();
}

/** The type of a JWK (RFC 7518 §6, RFC 8037 §2). */
export function keyTypeOfJwk({ kty, crv }: Jwk): KeyType {
  if (kty === "RSA") return "RSA";
  if (kty === "EC" && (crv === "P-256" || crv === "P-384")) return crv;
  if (kty === "OKP" && crv === "Ed25519") return "Ed25519";
  return unsupported();
}

function unsupported(): never {
  throw new SignerError(
    "unsupported_key",
    "Key is of a type that no algorithm here signs with, expected RSA (rsaEncryption), P-256, P-384 or Ed25519",
  );
}

/** The content of the element at `at` (X.690 §8.1, definite lengths only). */
function readElement(der: Uint8Array, at: number, tag: number): { start: number; end: number } {
  let start = at + 2;
  let length = der[at + 1] ?? NaN;
  if (length >= 0x80) {
    const lengthBytes = der.subarray(start, start += length - 0x80);
    length = lengthBytes.reduce((sum, byte) => sum * 256 + byte, 0);
  }
  const end = start + length;
  if (der[at] === tag && end <= der.length) return { start, end };
  throw damaged();
}

function damaged(): SignerError {
  return new SignerError("invalid_key", "Key is damaged, expected the DER of one whole key");
}
