import { DER_TAG, readDer } from "../encoding/der.ts";
import { InvalidPublicKeyError } from "../errors.ts";
import { hex } from "../encoding/hex.ts";

/** A SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), taken apart. */
export interface Spki {
  /** `RSA`, the name of a curve, or what the key is instead. */
  readonly keyType: string;
  /** The content of subjectPublicKey. */
  readonly publicKey: Uint8Array;
}

/**
 * The content of AlgorithmIdentifier, object identifier and parameters together: DER has one spelling, so
 * explicit curve parameters (CVE-2020-0601) are not among them.
 */
const KEY_TYPES: ReadonlyMap<string, string> = new Map([
  ["06092a864886f70d0101010500", "RSA"],
  ["06072a8648ce3d020106082a8648ce3d030107", "P-256"],
  ["06072a8648ce3d020106052b81040022", "P-384"],
  ["06032b6570", "Ed25519"],
  // Known, so that a message can name them.
  ["06072a8648ce3d020106052b81040023", "P-521"],
  ["06072a8648ce3d020106052b8104000a", "secp256k1"],
  ["06032b6571", "Ed448"],
  ["06032b656e", "X25519"],
]);

/**
 * Takes a SubjectPublicKeyInfo apart, in strict DER and with nothing after it.
 *
 * @throws {InvalidPublicKeyError} `malformed_key`, `private_key`, `unsupported_key_type`.
 */
export function readSpki(der: Uint8Array): Spki {
  const outer = readDer(der, 0);
  if (outer?.tag !== DER_TAG.sequence || outer.end !== der.length) throw malformed();
  const algorithm = readDer(der, outer.start);
  // PKCS#8, PKCS#1 and SEC 1 private keys all begin with a version number.
  if (algorithm?.tag === DER_TAG.integer && algorithm.end - algorithm.start === 1) {
    throw new InvalidPublicKeyError(
      "private_key",
      "Expected a public key, found a private key under the label of a public one: keep it secret, and make a new pair if anyone has seen it",
    );
  }
  if (algorithm?.tag !== DER_TAG.sequence) throw malformed();
  const bits = readDer(der, algorithm.end);
  if (bits?.tag !== DER_TAG.bitString || bits.end !== outer.end) throw malformed();
  if (der[bits.start] !== 0) throw malformed();

  const keyType = KEY_TYPES.get(hex(der.subarray(algorithm.start, algorithm.end)));
  if (keyType === undefined) {
    throw new InvalidPublicKeyError(
      "unsupported_key_type",
      'Expected an RSA, P-256, P-384 or Ed25519 key with its usual algorithm identifier: make one with "openssl genpkey"',
    );
  }
  return { keyType, publicKey: der.subarray(bits.start + 1, bits.end) };
}

function malformed(): InvalidPublicKeyError {
  return new InvalidPublicKeyError(
    "malformed_key",
    'Expected the DER of a SubjectPublicKeyInfo: make it with "openssl pkey -in issuer.key -pubout"',
  );
}
