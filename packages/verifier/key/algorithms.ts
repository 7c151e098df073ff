import {
  checkEd25519Key,
  checkRsaKey,
  P256,
  P384,
  pointOn,
  type PrimeCurve,
} from "./key_strength.ts";
import type { Algorithm } from "../types.ts";

/** What there is to know of a JWS algorithm. Nothing else tells algorithms apart by name. */
export interface JwsAlgorithm {
  /** The only type of key it takes. */
  readonly keyType: string;
  /** For `crypto.subtle.importKey`. */
  readonly importParams: RsaHashedImportParams | EcKeyImportParams | { readonly name: string };
  /** For `crypto.subtle.verify`. */
  readonly verifyParams: RsaPssParams | EcdsaParams | { readonly name: string };
  /** The only length of its signatures; RSA's is the modulus's. */
  readonly signatureBytes?: number;
  /** Refuses a key of the right type that is too weak to be one. */
  readonly checkKey: (publicKey: Uint8Array) => void;
}

const pkcs1 = (hash: string): JwsAlgorithm => ({
  keyType: "RSA",
  importParams: { name: "RSASSA-PKCS1-v1_5", hash },
  verifyParams: { name: "RSASSA-PKCS1-v1_5" },
  checkKey: checkRsaKey,
});

const ecdsa = (namedCurve: string, hash: string, curve: PrimeCurve): JwsAlgorithm => ({
  keyType: namedCurve,
  importParams: { name: "ECDSA", namedCurve },
  verifyParams: { name: "ECDSA", hash },
  // RFC 7518 §3.4: r and s, each as long as a coordinate.
  signatureBytes: 2 * curve.coordinateBytes,
  checkKey: pointOn(curve),
});

/** RFC 7518 §3.1 and RFC 8037 §3.1, less what no issuer needs, and less every algorithm with a shared secret. */
export const JWS_ALGORITHMS: Readonly<Record<Algorithm, JwsAlgorithm>> = {
  RS256: pkcs1("SHA-256"),
  RS384: pkcs1("SHA-384"),
  RS512: pkcs1("SHA-512"),
  PS256: {
    keyType: "RSA",
    importParams: { name: "RSA-PSS", hash: "SHA-256" },
    // RFC 7518 §3.5: the salt is as long as the hash.
    verifyParams: { name: "RSA-PSS", saltLength: 32 },
    checkKey: checkRsaKey,
  },
  ES256: ecdsa("P-256", "SHA-256", P256),
  ES384: ecdsa("P-384", "SHA-384", P384),
  EdDSA: {
    keyType: "Ed25519",
    importParams: { name: "Ed25519" },
    verifyParams: { name: "Ed25519" },
    signatureBytes: 64,
    checkKey: checkEd25519Key,
  },
};

/** Tells whether a value is the name of an algorithm that a key can be registered for. */
export function isAlgorithm(value: unknown): value is Algorithm {
  return typeof value === "string" && Object.hasOwn(JWS_ALGORITHMS, value);
}

/** The algorithms that a key can be registered for, in the order in which to offer them. */
export const ALGORITHMS: readonly Algorithm[] = Object.freeze(
  Object.keys(JWS_ALGORITHMS).filter(isAlgorithm),
);
