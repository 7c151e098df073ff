import { decodeBase64url, encodeBase64url } from "../encoding/base64url.ts";
import { DER_TAG, encodeDer } from "../encoding/der.ts";
import { InvalidPublicKeyError } from "../errors.ts";
import type { JsonObject } from "../token/strict_json.ts";
import { writePem } from "./pem.ts";

/** A JSON Web Key, read as what a registered key is. */
export interface ReadJwk {
  /** `RSA`, or the name of a curve: what an algorithm asks for. */
  readonly keyType: string;
  /** SubjectPublicKeyInfo in PEM. */
  readonly publicKey: string;
  /** RFC 7638: base64url of the SHA-256 of its required members. */
  readonly thumbprint: string;
}

interface Curve {
  readonly kty: "EC" | "OKP";
  /** The members that are coordinates, each of so many bytes. */
  readonly coordinates: readonly string[];
  readonly bytes: number;
  /** The content of AlgorithmIdentifier (RFC 5480 §2.1.1, RFC 8410 §3). */
  readonly algorithm: readonly number[];
  /** What stands before the coordinates: 4 for an uncompressed point (SEC 1 §2.3.3). */
  readonly prefix: readonly number[];
}

const EC_PUBLIC_KEY = [0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const RSA_ENCRYPTION = [
  ...[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01],
  ...[0x05, 0x00],
];

const CURVES: ReadonlyMap<unknown, Curve> = new Map<unknown, Curve>([
  ["P-256", {
    kty: "EC",
    coordinates: ["x", "y"],
    bytes: 32,
    algorithm: [...EC_PUBLIC_KEY, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
    prefix: [4],
  }],
  ["P-384", {
    kty: "EC",
    coordinates: ["x", "y"],
    bytes: 48,
    algorithm: [...EC_PUBLIC_KEY, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22],
    prefix: [4],
  }],
  ["Ed25519", {
    kty: "OKP",
    coordinates: ["x"],
    bytes: 32,
    algorithm: [0x06, 0x03, 0x2b, 0x65, 0x70],
    prefix: [],
  }],
]);

/** Base64url of an RSA key of 4096 bits has 683 characters; nothing longer is worth decoding. */
const MAX_MEMBER = 1_024;

/**
 * Reads the public members of a JSON Web Key (RFC 7517, RFC 7518 §6, RFC 8037 §2), and spells them as SPKI, so that
 * a provider's key passes every check of a registered one.
 *
 * **Does not** judge its strength, nor read `alg`, `use` or `key_ops`.
 *
 * @throws {InvalidPublicKeyError} `unsupported_key_type`, `private_key`, `malformed_key`.
 */
export async function readJwk(jwk: JsonObject): Promise<ReadJwk> {
  if (Object.hasOwn(jwk, "d")) {
    throw new InvalidPublicKeyError(
      "private_key",
      "Expected a public key in the key set, found a private one: anyone can sign with it",
    );
  }
  if (jwk["kty"] === "RSA") {
    const [n, e] = [integerOf(jwk, "n"), integerOf(jwk, "e")];
    return await read("RSA", { e: jwk["e"], kty: "RSA", n: jwk["n"] }, RSA_ENCRYPTION, [
      ...encodeDer(DER_TAG.sequence, [
        ...encodeDer(DER_TAG.integer, n),
        ...encodeDer(DER_TAG.integer, e),
      ]),
    ]);
  }
  const { crv } = jwk;
  const curve = CURVES.get(crv);
  if (curve === undefined || curve.kty !== jwk["kty"] || typeof crv !== "string") {
    throw new InvalidPublicKeyError(
      "unsupported_key_type",
      "Expected an RSA, P-256, P-384 or Ed25519 key",
    );
  }
  const coordinates = curve.coordinates.flatMap((name) => {
    const bytes = bytesOf(jwk, name);
    // RFC 7518 §6.2.1.2: of the full size, so that a key has one spelling.
    if (bytes.length !== curve.bytes) throw malformed();
    return bytes;
  });
  const members = curve.kty === "EC"
    ? { crv, kty: "EC", x: jwk["x"], y: jwk["y"] }
    : { crv, kty: "OKP", x: jwk["x"] };
  return await read(crv, members, curve.algorithm, [...curve.prefix, ...coordinates]);
}

/** @param members What RFC 7638 §3.2 hashes, in its order. */
async function read(
  keyType: string,
  members: Readonly<Record<string, unknown>>,
  algorithm: readonly number[],
  publicKey: readonly number[],
): Promise<ReadJwk> {
  const der = encodeDer(DER_TAG.sequence, [
    ...encodeDer(DER_TAG.sequence, algorithm),
    ...encodeDer(DER_TAG.bitString, [0, ...publicKey]),
  ]);
  const hashed = new TextEncoder().encode(JSON.stringify(members));
  const digest = await crypto.subtle.digest("SHA-256", hashed);
  return {
    keyType,
    publicKey: writePem("PUBLIC KEY", Uint8Array.from(der)),
    thumbprint: encodeBase64url(new Uint8Array(digest)),
  };
}

/** RFC 7518 §6.3.1: a positive integer in as few bytes as it takes; DER wants a sign bit besides. */
function integerOf(jwk: JsonObject, name: string): readonly number[] {
  const bytes = bytesOf(jwk, name);
  if (bytes[0] === 0) throw malformed();
  return (bytes[0] ?? 0) >= 0x80 ? [0, ...bytes] : bytes;
}

function bytesOf(jwk: JsonObject, name: string): readonly number[] {
  const text = jwk[name];
  const bytes = typeof text === "string" && text !== "" && text.length <= MAX_MEMBER
    ? decodeBase64url(text)
    : undefined;
  if (bytes === undefined) throw malformed();
  return [...bytes];
}

function malformed(): InvalidPublicKeyError {
  return new InvalidPublicKeyError(
    "malformed_key",
    "Expected the members of a key as RFC 7518 has them: base64url, of their exact size",
  );
}
