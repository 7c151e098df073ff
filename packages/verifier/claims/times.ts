import { JwtVerificationError, type JwtVerificationErrorOptions } from "../errors.ts";
import type { JsonObject } from "../token/strict_json.ts";
import type { IssuerPolicy } from "../types.ts";
import { describe } from "./describe.ts";

/** What a verifier asks of times, whoever the issuer is. */
export interface TimeRule {
  /** Seconds by which the issuer's clock may differ from ours. */
  readonly tolerance: number;
  /** Most seconds from now to `exp`. */
  readonly maxTokenLifetimeSec?: number | undefined;
}

/** The year 5138: a time beyond it is one in milliseconds. */
const MILLISECONDS = 1e11;

/**
 * Checks `exp`, `iat` and `nbf` (RFC 7519 §4.1.4 to §4.1.6), the policy's longest lifetime and its cut-off.
 *
 * A token is expired from `exp` + tolerance on, and valid from `nbf` - tolerance and `iat` - tolerance on.
 *
 * @param now Seconds since the epoch, with fractions.
 * @throws {JwtVerificationError} `invalid_claims`, `expired`, `not_yet_valid`, `lifetime_too_long`,
 * `issued_before_cutoff`.
 */
export function checkTimes(
  claims: JsonObject,
  policy: IssuerPolicy,
  now: number,
  rule: TimeRule,
  signer: JwtVerificationErrorOptions,
): void {
  const { tolerance, maxTokenLifetimeSec = Infinity } = rule;
  const exp = timeOf("exp", claims, signer);
  const iat = timeOf("iat", claims, signer);
  const nbf = claims.nbf === undefined ? iat : timeOf("nbf", claims, signer);
  if (exp <= iat) {
    throw invalid("exp", `Expected "exp" to be later than "iat", found ${exp} and ${iat}`, signer);
  }
  if (nbf > exp) {
    throw invalid(
      "nbf",
      `Expected "nbf" to be no later than "exp", found ${nbf} and ${exp}`,
      signer,
    );
  }
  if (now >= exp + tolerance) {
    throw new JwtVerificationError(
      "expired",
      `The token expired ${Math.floor(now - exp)} seconds ago: "exp" is ${exp}`,
      { ...signer, claim: "exp" },
    );
  }
  const claim = nbf > iat ? "nbf" : "iat";
  const from = Math.max(iat, nbf);
  if (from > now + tolerance) {
    throw new JwtVerificationError(
      "not_yet_valid",
      `The token is not valid yet: "${claim}" is ${Math.ceil(from - now)} seconds in the future`,
      { ...signer, claim },
    );
  }
  // Written so that a policy with a hole in it refuses: no comparison with undefined holds.
  if (!(exp - iat <= policy.maxTokenLifetime)) {
    throw new JwtVerificationError(
      "lifetime_too_long",
      `Expected "exp" at most ${policy.maxTokenLifetime} seconds after "iat", found ${exp - iat}`,
      { ...signer, claim: "exp" },
    );
  }
  if (!(exp - now <= maxTokenLifetimeSec + tolerance)) {
    throw new JwtVerificationError(
      "lifetime_too_long",
      `Expected "exp" at most ${maxTokenLifetimeSec} seconds from now, found ${
        Math.ceil(exp - now)
      }`,
      { ...signer, claim: "exp" },
    );
  }
  if (policy.rejectIssuedBefore !== null && !(iat >= policy.rejectIssuedBefore)) {
    throw new JwtVerificationError(
      "issued_before_cutoff",
      "The token was issued before the time from which its issuer's tokens are accepted",
      { ...signer, claim: "iat" },
    );
  }
}

function timeOf(
  claim: "exp" | "iat" | "nbf",
  claims: JsonObject,
  signer: JwtVerificationErrorOptions,
): number {
  const value = claims[claim];
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw invalid(
      claim,
      `Expected "${claim}" to be whole seconds since the epoch, found ${describe(value)}`,
      signer,
    );
  }
  if (value >= MILLISECONDS) {
    throw invalid(
      claim,
      `Expected "${claim}" in seconds since the epoch, found milliseconds: ${value}`,
      signer,
    );
  }
  return value;
}

function invalid(
  claim: string,
  message: string,
  signer: JwtVerificationErrorOptions,
): JwtVerificationError {
  return new JwtVerificationError("invalid_claims", message, { ...signer, claim });
}
