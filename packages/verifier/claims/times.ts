import { JwtVerificationError, type JwtVerificationErrorOptions } from "../errors.ts";
import type { JsonObject } from "../token/strict_json.ts";
import type { IssuerPolicy, MultiIssuerJwtClaims } from "../types.ts";

/** Claims whose times have been checked. */
export type TimelyClaims = Readonly<Pick<MultiIssuerJwtClaims, "exp" | "iat" | "nbf">>;

/**
 * Checks `exp`, `iat` and `nbf` (RFC 7519 §4.1.4 to §4.1.6), the policy's longest lifetime and its cut-off.
 *
 * A token is expired from `exp` + tolerance on, and valid from `nbf` - tolerance and `iat` - tolerance on.
 *
 * @param now Seconds since the epoch, with fractions.
 * @param tolerance Seconds by which the issuer's clock may differ from ours.
 * @throws {JwtVerificationError} `invalid_claims`, `expired`, `not_yet_valid`, `lifetime_too_long`,
 * `issued_before_cutoff`.
 */
export function checkTimes(
  claims: JsonObject,
  policy: IssuerPolicy,
  now: number,
  tolerance: number,
  signer: JwtVerificationErrorOptions,
): void {
  const { exp, iat, nbf } = claims;
  if (!isTime(exp) || !isTime(iat) || (nbf !== undefined && !isTime(nbf))) {
    throw new JwtVerificationError(
      "invalid_claims",
      'Expected "exp" and "iat", and "nbf" if present, to be whole seconds since the epoch',
      signer,
    );
  }
  if (exp <= iat || (nbf !== undefined && nbf > exp)) {
    throw new JwtVerificationError(
      "invalid_claims",
      'Expected "exp" to be later than "iat" and not before "nbf"',
      signer,
    );
  }
  if (now >= exp + tolerance) {
    throw new JwtVerificationError("expired", "The token has expired", signer);
  }
  if (Math.max(iat, nbf ?? iat) > now + tolerance) {
    throw new JwtVerificationError(
      "not_yet_valid",
      'The token is not valid yet: "iat" or "nbf" is in the future',
      signer,
    );
  }
  // Written so that a policy with a hole in it refuses: no comparison with undefined holds.
  if (!(exp - iat <= policy.maxTokenLifetime)) {
    throw new JwtVerificationError(
      "lifetime_too_long",
      `Expected "exp" at most ${policy.maxTokenLifetime} seconds after "iat"`,
      signer,
    );
  }
  if (policy.rejectIssuedBefore !== null && !(iat >= policy.rejectIssuedBefore)) {
    throw new JwtVerificationError(
      "issued_before_cutoff",
      "The token was issued before the time from which its issuer's tokens are accepted",
      signer,
    );
  }
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
