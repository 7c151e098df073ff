import { COUNTERSIGN_CLAIM, isRegisteredClaim } from "../claims/protected_claims.ts";
import { JwtVerificationError, type JwtVerificationErrorOptions } from "../errors.ts";
import { claimAt } from "./claim_path.ts";
import type { FederationRule } from "./rule.ts";
import { namedAudiences } from "./rule_judgement.ts";
import { subjectOf } from "./subject_template.ts";

/** What every token says about itself, and no rule changes: its times and its id (RFC 7519 §4.1.4 to §4.1.7). */
const OWN_CLAIMS = ["exp", "nbf", "iat", "jti"] as const;

/**
 * Makes the claims that go under the issuer's policy from those of a provider's token.
 *
 * Nothing passes that the rule does not name, but for the token's times and its id: what a provider calls `role` or
 * `email` is not what the target's policies mean by it. `aud` is what the rule and the token have in common.
 *
 * **Does not** judge what it maps: the issuer's policy does, protected claims and user ids included. Nor does it ask
 * whether the rule matches.
 *
 * @param claims The claims of a provider's token.
 * @param rule The rule that it acts under.
 * @param signer Whose key signed the token, for what is thrown. Default: nobody's.
 * @returns The claims, frozen; the values are the token's.
 * @throws {JwtVerificationError} `subject_not_allowed`, `claim_not_allowed`.
 *
 * @example What a job acts as
 * ```ts
 * import assert from "node:assert/strict";
 * import { mapClaims } from "@countersign/verifier";
 *
 * const mapped = mapClaims({ aud: "https://ref.supabase.co", repository_id: "74", actor: "me" }, {
 *   name: "deploy",
 *   issuer: "deployer",
 *   audiences: ["https://ref.supabase.co"],
 *   conditions: { repository_id: "74" },
 *   subject: "gh:{repository_id}",
 *   claims: {},
 *   role: null,
 *   maxTokenLifetime: 3600,
 *   mode: "enforce",
 *   isActive: true,
 * });
 * assert.deepEqual(mapped, { iss: "deployer", sub: "gh:74", aud: ["https://ref.supabase.co"] });
 * ```
 */
export function mapClaims(
  claims: Readonly<Record<string, unknown>>,
  rule: FederationRule,
  signer: JwtVerificationErrorOptions = {},
): Readonly<Record<string, unknown>> {
  const made = subjectOf(rule.subject, claims);
  if (!("subject" in made)) {
    const claim = made.claim === "" ? "sub" : made.claim;
    throw new JwtVerificationError("subject_not_allowed", made.expected, { ...signer, claim });
  }
  const mapped: Record<string, unknown> = {};
  for (const [name, path] of Object.entries(rule.claims)) {
    if (isRegisteredClaim(name) || name === COUNTERSIGN_CLAIM || name === "__proto__") {
      throw new JwtVerificationError(
        "claim_not_allowed",
        "The rule maps a claim that the verifier has rules for",
        { ...signer, claim: name },
      );
    }
    const value = claimAt(claims, path);
    if (value !== undefined && value !== null) mapped[name] = value;
  }
  for (const name of OWN_CLAIMS) if (claims[name] !== undefined) mapped[name] = claims[name];
  mapped["iss"] = rule.issuer;
  mapped["sub"] = made.subject;
  mapped["aud"] = Object.freeze(namedAudiences(rule.audiences, claims["aud"]));
  if (rule.role !== null) mapped["role"] = rule.role;
  return Object.freeze(mapped);
}
