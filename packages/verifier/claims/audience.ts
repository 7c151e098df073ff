import { JwtVerificationError, type JwtVerificationErrorOptions } from "../errors.ts";
import type { JsonObject } from "../token/strict_json.ts";
import type { IssuerPolicy } from "../types.ts";

/** What a target wants of `aud`. */
export interface AudienceRule {
  /** What the target calls itself. */
  readonly audience?: string | readonly string[];
  /** Whether a token without `aud` is refused. */
  readonly requireAudience?: boolean;
}

/**
 * Checks that a token is meant for this target (RFC 7519 §4.1.3).
 *
 * The policy's audiences, if it has any, take the place of the target's own and have to be named.
 *
 * **Does not** check `aud` if neither policy nor target says what to expect.
 *
 * @throws {JwtVerificationError} `invalid_claims`, `wrong_audience`.
 */
export function checkAudience(
  claims: JsonObject,
  policy: IssuerPolicy,
  rule: AudienceRule,
  signer: JwtVerificationErrorOptions,
): void {
  const { aud } = claims;
  if (aud === undefined) {
    if (policy.audiences === null && rule.requireAudience !== true) return;
    throw new JwtVerificationError("wrong_audience", 'Expected the token to have "aud"', {
      ...signer,
      claim: "aud",
    });
  }
  if (!isAudience(aud)) {
    throw new JwtVerificationError(
      "invalid_claims",
      'Expected "aud" to be a string or a non-empty array of strings',
      { ...signer, claim: "aud" },
    );
  }
  const expected = policy.audiences ?? rule.audience;
  if (expected !== undefined && !intersects(aud, expected)) {
    throw new JwtVerificationError("wrong_audience", "The token is for another audience", {
      ...signer,
      claim: "aud",
    });
  }
}

function isAudience(aud: unknown): aud is string | readonly string[] {
  return typeof aud === "string" ||
    (Array.isArray(aud) && aud.length > 0 && aud.every((name) => typeof name === "string"));
}

type Names = string | readonly string[];

function intersects(left: Names, right: Names): boolean {
  if (typeof left !== "string") return left.some((name) => intersects(name, right));
  return typeof right === "string" ? left === right : right.includes(left);
}
