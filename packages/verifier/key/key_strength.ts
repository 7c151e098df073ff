import { DER_TAG, readDer } from "../encoding/der.ts";
import { InvalidPublicKeyError } from "../errors.ts";
import { hex } from "../encoding/hex.ts";
import { hasRocaFingerprint } from "./roca.ts";

// 2048 is the least that RFC 7518 §3.3 allows; 4096 the most that every platform verifies with: Deno imports a longer
// key, and throws at each signature.
const MIN_MODULUS_BITS = 2048;
const MAX_MODULUS_BITS = 4096;
// FIPS 186-5 §5.4 asks for 2^16 < e < 2^256. With e = 1 any text is its own signature, and small exponents
// are what forgeries against lenient padding checks need. The upper bound keeps verifying cheap.
const MIN_EXPONENT = 65537;
const MAX_EXPONENT_BITS = 32;

/**
 * Refuses an RSA key that anyone could sign for, or that is expensive to verify with.
 *
 * **Does not** test whether the modulus is a product of two good primes.
 *
 * @param publicKey The DER of an RSAPublicKey (RFC 8017 §A.1.1).
 * @throws {InvalidPublicKeyError} `malformed_key`, `rsa_modulus_size`, `rsa_modulus_even`, `rsa_roca`, `rsa_exponent`.
 */
export function checkRsaKey(publicKey: Uint8Array): void {
  const outer = readDer(publicKey, 0);
  if (outer?.tag !== DER_TAG.sequence || outer.end !== publicKey.length) throw malformed("RSA");
  const modulus = readPositiveInteger(publicKey, outer.start);
  const exponent = readPositiveInteger(publicKey, modulus.end);
  if (exponent.end !== outer.end) throw malformed("RSA");

  if (modulus.bits < MIN_MODULUS_BITS || modulus.bits > MAX_MODULUS_BITS) {
    throw new InvalidPublicKeyError(
      "rsa_modulus_size",
      `Expected an RSA key of ${MIN_MODULUS_BITS} to ${MAX_MODULUS_BITS} bits, found ${modulus.bits}: make one with "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072"`,
    );
  }
  if (modulus.isEven) {
    throw new InvalidPublicKeyError(
      "rsa_modulus_even",
      'Expected an odd RSA modulus: the key is damaged or forged, make one with "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072"',
    );
  }
  if (hasRocaFingerprint(modulus.digits)) {
    throw new InvalidPublicKeyError(
      "rsa_roca",
      'Expected an RSA key from a sound generator, found one that can be factored (CVE-2017-15361): make one with "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072"',
    );
  }
  if (exponent.bits > MAX_EXPONENT_BITS || exponent.low < MIN_EXPONENT || exponent.isEven) {
    throw new InvalidPublicKeyError(
      "rsa_exponent",
      `Expected an odd RSA exponent from ${MIN_EXPONENT} to 2^${MAX_EXPONENT_BITS}: make a key with "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072"`,
    );
  }
}

/** A curve y² = x³ - 3x + b over a prime field (SP 800-186 §3.2.1). */
export interface PrimeCurve {
  readonly coordinateBytes: number;
  readonly prime: bigint;
  readonly b: bigint;
}

/** SP 800-186 §3.2.1.3. */
export const P256: PrimeCurve = {
  coordinateBytes: 32,
  prime: 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn,
  b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
};

/** SP 800-186 §3.2.1.4. */
export const P384: PrimeCurve = {
  coordinateBytes: 48,
  prime:
    0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffffn,
  b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
};

/**
 * Makes the check of a key on a curve: an uncompressed point (SEC 1 §2.3.3) that is on it.
 *
 * Not left to the platform: some find out when they import the key, some when they verify, and some of those
 * throw.
 */
export function pointOn(curve: PrimeCurve): (publicKey: Uint8Array) => void {
  const { coordinateBytes, prime, b } = curve;
  return (publicKey) => {
    if (publicKey[0] !== 4 || publicKey.length !== 1 + 2 * coordinateBytes) {
      throw new InvalidPublicKeyError(
        "malformed_key",
        'Expected an uncompressed curve point: convert the key with "openssl ec -pubin -in issuer.pub -conv_form uncompressed"',
      );
    }
    const x = BigInt(`0x${hex(publicKey.subarray(1, 1 + coordinateBytes))}`);
    const y = BigInt(`0x${hex(publicKey.subarray(1 + coordinateBytes))}`);
    if (x >= prime || y >= prime || (y * y - (x * x - 3n) * x - b) % prime !== 0n) {
      throw malformed("elliptic curve");
    }
  };
}

/** The y coordinates of the eight points of small order, and the two that a lenient reader also takes. */
const SMALL_ORDER: readonly string[] = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

/**
 * Refuses an Ed25519 key that anyone could sign for: for a point of small order there are signatures that
 * hold for every message, and no platform's verifier objects (RFC 8032 §8.7 leaves it open).
 *
 * @throws {InvalidPublicKeyError} `malformed_key`, `weak_point`.
 */
export function checkEd25519Key(publicKey: Uint8Array): void {
  if (publicKey.length !== 32) throw malformed("Ed25519");
  const signBit = 0x80;
  if (SMALL_ORDER.includes(hex(publicKey.with(31, (publicKey[31] ?? 0) & ~signBit)))) {
    throw new InvalidPublicKeyError(
      "weak_point",
      'Expected an Ed25519 key of full order: make one with "openssl genpkey -algorithm ed25519"',
    );
  }
}

interface PositiveInteger {
  /** Big-endian. */
  readonly digits: Uint8Array;
  readonly end: number;
  readonly bits: number;
  readonly isEven: boolean;
  /** The value of the last four bytes. */
  readonly low: number;
}

function readPositiveInteger(bytes: Uint8Array, offset: number): PositiveInteger {
  const element = readDer(bytes, offset);
  if (element?.tag !== DER_TAG.integer || element.start === element.end) throw malformed("RSA");
  let { start } = element;
  const first = bytes[start] ?? 0;
  const second = bytes[start + 1] ?? 0;
  if (first >= 0x80) throw malformed("RSA");
  if (first === 0 && element.end - start > 1) {
    if (second < 0x80) throw malformed("RSA");
    start += 1;
  }
  const digits = bytes.subarray(start, element.end);
  const low = digits.subarray(-4).reduce((value, byte) => value * 256 + byte, 0);
  const bits = 8 * (digits.length - 1) + (32 - Math.clz32(digits[0] ?? 0));
  return { digits, end: element.end, bits, isEven: low % 2 === 0, low };
}

function malformed(keyType: string): InvalidPublicKeyError {
  return new InvalidPublicKeyError(
    "malformed_key",
    `Expected a valid ${keyType} public key: make it with "openssl pkey -in issuer.key -pubout"`,
  );
}
