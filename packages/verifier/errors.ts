/** Why a token was refused. Closed: adding one is a change of the public API. */
export type VerificationReason =
  // Before the signature is known to hold.
  | "malformed"
  | "token_too_large"
  | "header_not_allowed"
  | "issuer_not_allowed"
  | "unknown_issuer"
  | "inactive_issuer"
  | "unknown_key"
  | "revoked_key"
  | "key_not_current"
  | "algorithm_mismatch"
  | "bad_signature"
  | "unusable_key"
  | "registry_unavailable"
  | "registry_overloaded"
  | "provider_unavailable"
  // After it.
  | "invalid_claims"
  | "expired"
  | "not_yet_valid"
  | "lifetime_too_long"
  | "issued_before_cutoff"
  | "wrong_audience"
  | "role_not_allowed"
  | "subject_not_allowed"
  | "claim_not_allowed"
  | "rule_not_matched"
  | "ambiguous_rule";

const AFTER_SIGNATURE: ReadonlySet<VerificationReason> = new Set([
  "invalid_claims",
  "expired",
  "not_yet_valid",
  "lifetime_too_long",
  "issued_before_cutoff",
  "wrong_audience",
  "role_not_allowed",
  "subject_not_allowed",
  "claim_not_allowed",
  "rule_not_matched",
  "ambiguous_rule",
]);

/** What a {@linkcode JwtVerificationError} knows besides its reason. */
export interface JwtVerificationErrorOptions {
  /** The error underneath. Never one that repeats what an unverified token says. */
  readonly cause?: unknown;
  /** The issuer, as the registry spells it. */
  readonly issuer?: string;
  /** The key, as the registry spells it. */
  readonly kid?: string;
  /** The claim that is refused. Only once the signature holds. */
  readonly claim?: string | undefined;
  /** The role that is refused. Only once the signature holds. */
  readonly role?: string | undefined;
  /** The federation rule that a provider's token acts under. Only once the signature holds. */
  readonly rule?: string | undefined;
  /** Rules in `observe` mode that would have let the token in. Only once the signature holds. */
  readonly observedRules?: readonly string[] | undefined;
}

/**
 * A token that is refused, and why.
 *
 * The message never holds the token, a key, or anything that an unverified token says. Once the signature holds it
 * may say what the token's own claims are, so that whoever signed it can correct them.
 *
 * **Does not** say what a caller may learn: before the signature holds, every reason should be answered
 * alike.
 *
 * @example Telling reasons apart
 * ```ts
 * import assert from "node:assert/strict";
 * import { JwtVerificationError, memoryKeySource, verifyMultiIssuerJwt } from "@countersign/verifier";
 *
 * const options = { keySource: memoryKeySource([]) };
 * await assert.rejects(
 *   verifyMultiIssuerJwt("not a token", options),
 *   (error) => error instanceof JwtVerificationError && error.reason === "malformed",
 * );
 * ```
 */
export class JwtVerificationError extends Error {
  /** Always `"JwtVerificationError"`. */
  override readonly name = "JwtVerificationError";
  /** Why the token was refused. */
  readonly reason: VerificationReason;
  /** The registered issuer, or the provider of a federated token, once one was found. */
  readonly issuer: string | undefined;
  /** The registered key, once one was chosen. */
  readonly kid: string | undefined;
  /** The claim that is refused, once the signature holds. */
  readonly claim: string | undefined;
  /** The role that is refused, once the signature holds. */
  readonly role: string | undefined;
  /** The federation rule that the token acts under, once it is chosen. */
  readonly rule: string | undefined;
  /** Rules in `observe` mode that would have let the token in. */
  readonly observedRules: readonly string[] | undefined;

  /**
   * Makes a refusal.
   *
   * @param reason Why the token is refused.
   * @param message What was expected, for the operator.
   * @param options The cause, and the registered issuer and key where they are known.
   */
  constructor(
    reason: VerificationReason,
    message: string,
    options: JwtVerificationErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.reason = reason;
    this.issuer = options.issuer;
    this.kid = options.kid;
    this.claim = options.claim;
    this.role = options.role;
    this.rule = options.rule;
    this.observedRules = options.observedRules;
  }

  /** Whether the token's signature held, so that {@linkcode JwtVerificationError.issuer} is who signed it. */
  get authenticated(): boolean {
    return AFTER_SIGNATURE.has(this.reason);
  }

  /** The same as {@linkcode JwtVerificationError.reason}, under the name that every package's error has. */
  get code(): VerificationReason {
    return this.reason;
  }
}

/** Why a public key cannot be registered, or verified with. */
export type InvalidPublicKeyCode =
  | "unsupported_algorithm"
  | "not_pem"
  | "private_key"
  | "certificate"
  | "several_blocks"
  | "malformed_key"
  | "unsupported_key_type"
  | "wrong_key_type"
  | "rsa_modulus_size"
  | "rsa_modulus_even"
  | "rsa_roca"
  | "rsa_exponent"
  | "weak_point";

/**
 * A public key that is refused, why, and how to get a good one.
 *
 * The message never holds any part of the key.
 */
export class InvalidPublicKeyError extends Error {
  /** Always `"InvalidPublicKeyError"`. */
  override readonly name = "InvalidPublicKeyError";
  /** Why the key is refused. */
  readonly code: InvalidPublicKeyCode;

  /**
   * Makes a refusal.
   *
   * @param code Why the key is refused.
   * @param message What was expected, and how to fix it.
   */
  constructor(code: InvalidPublicKeyCode, message: string) {
    super(message);
    this.code = code;
  }
}
