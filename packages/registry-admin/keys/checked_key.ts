import {
  type Algorithm,
  canonicalPublicKey,
  importPublicKey,
  InvalidPublicKeyError,
  keyId,
} from "@countersign/verifier";
import { RegistryError } from "../errors.ts";

/** A public key that the verifier would verify with. */
export interface CheckedKey {
  readonly kid: string;
  readonly algorithm: Algorithm;
  /** SPKI PEM, as the registry spells it. */
  readonly publicKey: string;
}

/** The default algorithm for each type of key, as in the signer. */
const USUAL_ALGORITHMS: readonly Algorithm[] = ["RS256", "ES256", "ES384", "EdDSA"];

/**
 * Checks a key with the code that will later verify with it, so that nothing is registered which can't be used.
 *
 * @param algorithm Default: the usual one for a key of this type.
 * @throws {RegistryError} `invalid_public_key`. The message never quotes the key: someone may have pasted a private one.
 */
export async function checkedKey(
  publicKey: string,
  algorithm: Algorithm | undefined,
): Promise<CheckedKey> {
  let refusal: InvalidPublicKeyError | undefined;
  for (const candidate of algorithm === undefined ? USUAL_ALGORITHMS : [algorithm]) {
    try {
      await importPublicKey(publicKey, candidate);
      const spelled = canonicalPublicKey(publicKey);
      return { kid: await keyId(spelled), algorithm: candidate, publicKey: spelled };
    } catch (error) {
      if (!(error instanceof InvalidPublicKeyError)) throw error;
      refusal = error;
      if (error.code !== "wrong_key_type") break;
    }
  }
  const message = algorithm === undefined && refusal?.code === "wrong_key_type"
    ? "Expected an RSA, P-256, P-384 or Ed25519 key"
    : refusal?.message ?? "Expected a public key";
  throw new RegistryError("invalid_public_key", message, { cause: refusal });
}
