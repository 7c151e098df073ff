import { JwtVerificationError, type JwtVerificationErrorOptions } from "../errors.ts";
import { describe } from "./describe.ts";
import { hasControlCharacter, MAX_NAME_LENGTH } from "./name.ts";
import { COUNTERSIGN_CLAIM, isProtectedClaim, isRegisteredClaim } from "./protected_claims.ts";
import { isReservedRole } from "./reserved_roles.ts";
import type { JsonObject } from "../token/strict_json.ts";
import type { IssuerPolicy, PolicyRefusal } from "../types.ts";
import { isUserId } from "./user_id.ts";

/** What the policy made of a token. */
export interface PolicyDecision {
  /** The claimed role, or the policy's default. */
  readonly role: string;
  /** What `mode = 'observe'` let through. */
  readonly observed: readonly PolicyRefusal[];
}

/**
 * Holds a token to its issuer's policy: role, subject, then every other claim.
 *
 * In `observe` mode a role, subject or claim that the policy doesn't list is reported instead of refused, and
 * the role falls back to the default. That never extends to a reserved role, to a subject that is shaped like a
 * user id, or to a protected claim.
 *
 * @throws {JwtVerificationError} `invalid_claims`, `role_not_allowed`, `subject_not_allowed`, `claim_not_allowed`.
 */
export function applyPolicy(
  claims: JsonObject,
  policy: IssuerPolicy,
  signer: JwtVerificationErrorOptions,
): PolicyDecision {
  const judge = new Judge(policy, signer);
  const role = resolveRole(claims["role"], judge);
  checkSubject(claims["sub"], judge);
  checkTokenId(claims["jti"], judge);
  checkClaimNames(claims, judge);
  return { role, observed: judge.observed };
}

class Judge {
  readonly observed: PolicyRefusal[] = [];
  constructor(
    readonly policy: IssuerPolicy,
    private readonly signer: JwtVerificationErrorOptions,
  ) {}

  invalid(claim: string, message: string): never {
    throw new JwtVerificationError("invalid_claims", message, { ...this.signer, claim });
  }

  refuse(reason: PolicyRefusal["reason"], message: string, what: Refused): never {
    throw new JwtVerificationError(reason, message, { ...this.signer, ...what });
  }

  refuseOrObserve(reason: PolicyRefusal["reason"], message: string, what: Refused): void {
    if (this.policy.mode !== "observe") this.refuse(reason, message, what);
    this.observed.push({ reason, message });
  }
}

/** What of the token is refused, for the operator's log. */
interface Refused {
  readonly claim: string | undefined;
  readonly role?: string | undefined;
}

/** The role has to be one of the allowed ones, whether the token claims it or falls back to it. */
function resolveRole(claimed: unknown, judge: Judge): string {
  const { allowedRoles, defaultRole } = judge.policy;
  if (claimed !== undefined) {
    if (typeof claimed !== "string") {
      judge.invalid("role", `Expected "role" to be a string, found ${describe(claimed)}`);
    }
    const what = { claim: "role", role: loggable(claimed) };
    if (isReservedRole(claimed)) {
      judge.refuse("role_not_allowed", `The role ${quote(claimed)}is reserved`, what);
    }
    if (allowedRoles.includes(claimed)) return claimed;
    judge.refuseOrObserve(
      "role_not_allowed",
      `The role ${quote(claimed)}is not among the issuer's roles`,
      what,
    );
  }
  if (defaultRole === null || !allowedRoles.includes(defaultRole) || isReservedRole(defaultRole)) {
    judge.refuse("role_not_allowed", "The issuer has no default role for a token without one", {
      claim: "role",
      role: defaultRole ?? undefined,
    });
  }
  return defaultRole;
}

const SUBJECT: Refused = { claim: "sub" };

function checkSubject(sub: unknown, judge: Judge): void {
  const { allowedSubjects, allowUserSubjects } = judge.policy;
  if (sub === undefined) {
    if (allowedSubjects !== null) {
      judge.refuseOrObserve("subject_not_allowed", 'Expected the token to have "sub"', SUBJECT);
    }
    return;
  }
  if (!isName(sub)) judge.invalid("sub", expectedName("sub", sub));
  if (isUserId(sub)) {
    // A rule that ends in `*` never means a user: a prefix of hex digits would name a share of them.
    if (!allowUserSubjects || (allowedSubjects !== null && !allowedSubjects.includes(sub))) {
      judge.refuse(
        "subject_not_allowed",
        "The subject could be the id of one of the target's users",
        SUBJECT,
      );
    }
    return;
  }
  if (allowedSubjects !== null && !allowedSubjects.some((rule) => matchesSubject(rule, sub))) {
    judge.refuseOrObserve(
      "subject_not_allowed",
      "The subject is not among the issuer's subjects",
      SUBJECT,
    );
  }
}

function matchesSubject(rule: string, sub: string): boolean {
  return rule.endsWith("*") ? sub.startsWith(rule.slice(0, -1)) : sub === rule;
}

function checkTokenId(jti: unknown, judge: Judge): void {
  if (jti === undefined) {
    if (judge.policy.singleUse) {
      judge.invalid("jti", 'Expected the token to have "jti": it is for one use');
    }
    return;
  }
  if (!isName(jti) || jti === "") judge.invalid("jti", expectedName("jti", jti));
}

function checkClaimNames(claims: JsonObject, judge: Judge): void {
  const { allowedClaims } = judge.policy;
  for (const name of Object.keys(claims)) {
    if (isRegisteredClaim(name)) continue;
    const named = allowedClaims !== null && allowedClaims.includes(name);
    if (name === COUNTERSIGN_CLAIM || (isProtectedClaim(name) && !named)) {
      judge.refuse("claim_not_allowed", `The claim ${quote(name)}is protected`, {
        claim: loggable(name),
      });
    }
    if (allowedClaims !== null && !named) {
      judge.refuseOrObserve(
        "claim_not_allowed",
        `The claim ${quote(name)}is not among the issuer's claims`,
        { claim: loggable(name) },
      );
    }
  }
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_NAME_LENGTH &&
    !hasControlCharacter(value);
}

function expectedName(claim: string, found: unknown): string {
  const kind = typeof found === "string" ? `${found.length} characters` : describe(found);
  return `Expected "${claim}" to be a string of 1 to ${MAX_NAME_LENGTH} characters without control characters, found ${kind}`;
}

/** A name from the token, for the log; `undefined` if it could be anything but a name. */
function loggable(name: string): string | undefined {
  return /^[\w.:/-]{1,63}$/.test(name) ? name : undefined;
}

function quote(name: string): string {
  const own = loggable(name);
  return own === undefined ? "" : `"${own}" `;
}
