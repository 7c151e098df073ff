import { SignerError } from "../errors.ts";
import type { Algorithm } from "../types.ts";

/** The types of key that the algorithms sign with. */
export type KeyType = "RSA" | "P-256" | "P-384" | "Ed25519";

interface AlgorithmEntry {
  readonly keyType: KeyType;
  /** What `crypto.subtle.importKey` takes. */
  readonly importParams: {
    readonly name: string;
    readonly hash?: string;
    readonly namedCurve?: string;
  };
}

const rsa = (name: string, hash: string): AlgorithmEntry => ({
  keyType: "RSA",
  importParams: { name, hash },
});
const ecdsa = (namedCurve: "P-256" | "P-384"): AlgorithmEntry => ({
  keyType: namedCurve,
  importParams: { name: "ECDSA", namedCurve },
});

/** The first algorithm of each type of key is the default for that type. */
const ALGORITHMS: Readonly<Record<Algorithm, AlgorithmEntry>> = {
  RS256: rsa("RSASSA-PKCS1-v1_5", "SHA-256"),
  RS384: rsa("RSASSA-PKCS1-v1_5", "SHA-384"),
  RS512: rsa("RSASSA-PKCS1-v1_5", "SHA-512"),
  PS256: rsa("RSA-PSS", "SHA-256"),
  ES256: ecdsa("P-256"),
  ES384: ecdsa("P-384"),
  EdDSA: { keyType: "Ed25519", importParams: { name: "Ed25519" } },
};

const isAlgorithm = (value: string): value is Algorithm => Object.hasOwn(ALGORITHMS, value);
const NAMES = Object.keys(ALGORITHMS).filter(isAlgorithm);

/** What WebCrypto imports a key of `algorithm` with. */
export function importParams(algorithm: Algorithm): AlgorithmEntry["importParams"] {
  return ALGORITHMS[algorithm].importParams;
}

/** The one algorithm that `key` was imported or generated for, if it is one of ours. */
export function algorithmOf(key: CryptoKey): Algorithm | undefined {
  const own: { name: string; hash?: { name: string }; namedCurve?: string } = key.algorithm;
  return NAMES.find((algorithm) => {
    const { name, hash, namedCurve } = importParams(algorithm);
    return name === own.name && hash === own.hash?.name && namedCurve === own.namedCurve;
  });
}

/** Returns `value`, or refuses what is not one of our algorithms. */
export function checkAlgorithm(value: string): Algorithm {
  if (isAlgorithm(value)) return value;
  throw new SignerError(
    "unsupported_algorithm",
    `Algorithm "${value}" is not supported, expected one of ${NAMES.join(", ")}`,
  );
}

/** The algorithm to sign with: the one asked for if the key can do it, else the key's default. */
export function algorithmFor(keyType: KeyType, requested: string | undefined): Algorithm {
  const algorithm = requested === undefined
    ? NAMES.find((name) => ALGORITHMS[name].keyType === keyType)
    : checkAlgorithm(requested);
  if (algorithm !== undefined && ALGORITHMS[algorithm].keyType === keyType) return algorithm;
  throw new SignerError(
    "algorithm_mismatch",
    `Algorithm "${algorithm}" cannot use a ${keyType} key`,
  );
}
