/** Why the signer refused. Closed: adding one is a change of the public API. */
export type SignerErrorCode =
  /** The key cannot be read: damaged, cut short, several keys at once, or not a key. */
  | "invalid_key"
  /** A readable kind of key in another container: PKCS#1, SEC1, OpenSSH, a certificate. */
  | "wrong_key_format"
  /** The private key is protected by a passphrase. */
  | "encrypted_key"
  /** A public key where a private key is needed. */
  | "not_a_private_key"
  /** A type, curve or use of key that none of the algorithms can sign with. */
  | "unsupported_key"
  /** An RSA key shorter than 2048 bits. */
  | "weak_key"
  /** The algorithm is not one of {@linkcode Algorithm}. */
  | "unsupported_algorithm"
  /** The algorithm and the key do not belong together. */
  | "algorithm_mismatch"
  /** The `kid` is malformed, or is not the id of this key. */
  | "invalid_kid"
  /** The id of a non-extractable private `CryptoKey` cannot be computed. */
  | "kid_unavailable"
  /** The issuer is not a name that a registry can hold, without surrounding white space. */
  | "invalid_issuer"
  /** The audience is empty, or contradicts the `aud` claim. */
  | "invalid_audience"
  /** The lifetime is not a duration such as `"60s"`, or whole seconds, of at most ten years. */
  | "invalid_duration"
  /** A claim that the signer sets was given with another value. */
  | "reserved_claim"
  /** A claim is not JSON, or has the wrong type. */
  | "invalid_claims"
  /** The token endpoint refused to exchange the token. */
  | "exchange_refused"
  /** The token endpoint cannot be reached, or does not answer as one. */
  | "exchange_unavailable"
  /** The token is longer than a target accepts. */
  | "token_too_large"
  /** The platform has no token for this job, or cannot be reached. */
  | "oidc_unavailable";

/**
 * The signer refused a key, a claim or an option.
 *
 * The message says what was expected and how to fix it. It never holds key material or the value of a
 * claim, and there is never a `cause`: some runtimes quote the key in the errors of their key imports.
 *
 * @example Tell a missing conversion from a broken key
 * ```ts
 * import { signMultiIssuerJwt, SignerError } from "@countersign/signer";
 * import assert from "node:assert/strict";
 *
 * await assert.rejects(
 *   signMultiIssuerJwt({ privateKey: "./my-service.key", issuer: "my-service", claims: { sub: "job-1" } }),
 *   (error) => error instanceof SignerError && error.code === "invalid_key",
 * );
 * ```
 */
export class SignerError extends Error {
  /** `"SignerError"`. */
  override readonly name = "SignerError";
  /** The stable reason; messages may be reworded between versions. */
  readonly code: SignerErrorCode;

  /**
   * Creates a refusal.
   *
   * @param code The stable reason.
   * @param message What was expected and how to fix it, free of secrets.
   */
  constructor(code: SignerErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
