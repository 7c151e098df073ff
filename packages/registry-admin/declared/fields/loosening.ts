import { isUserId, PROTECTED_CLAIMS } from "@countersign/verifier";

/*
 * Why a change of one column lets in tokens that were refused before. A judgement looks at its column alone: whether another
 * column happens to make it harmless today is not a reason to let it pass in silence.
 */

type Reasons = readonly string[];

/** Nothing that depends on it accepts or refuses a token. */
export const never = (): Reasons => [];

/** Going from `false` to `true` loosens. */
export function turningOn(reason: string) {
  return (before: boolean, after: boolean): Reasons => !before && after ? [reason] : [];
}

/** Going from `true` to `false` loosens. */
export function turningOff(reason: string) {
  return (before: boolean, after: boolean): Reasons => before && !after ? [reason] : [];
}

/** Every role that is added. */
export function moreRoles(before: readonly string[], after: readonly string[]): Reasons {
  return added(before, after).map((role) => `adds the role "${role}"`);
}

/** Tokens that claim no role get another one. */
export function defaultRole(before: string | null, after: string | null): Reasons {
  return after === null || after === before
    ? []
    : [`gives tokens that claim no role the role "${after}"`];
}

/** A subject that no entry of the list before covers, or no list at all. */
export function widerSubjects(
  before: readonly string[] | null,
  after: readonly string[] | null,
): Reasons {
  if (before === null) return [];
  if (after === null) return ["accepts any subject that is not a user ID, and none"];
  return after.filter((subject) => !before.some((rule) => covers(rule, subject)))
    .map((subject) => `accepts the subject "${subject}"`);
}

function covers(rule: string, subject: string): boolean {
  if (rule === subject) return true;
  // A rule that ends in "*" never means a user.
  return rule.endsWith("*") && subject.startsWith(rule.slice(0, -1)) && !isUserId(subject);
}

/** A claim that was not in the list, a protected one that the list names, or no list at all. */
export function widerClaims(
  before: readonly string[] | null,
  after: readonly string[] | null,
): Reasons {
  if (after === null) return before === null ? [] : ["accepts any claim that is not protected"];
  const more = before === null
    ? after.filter((claim) => PROTECTED_CLAIMS.includes(claim))
    : added(before, after);
  return more.map((claim) =>
    `accepts the ${PROTECTED_CLAIMS.includes(claim) ? "protected " : ""}claim "${claim}"`
  );
}

/** An audience that was not in the list, or the target's own instead of a list. */
export function otherAudiences(
  before: readonly string[] | null,
  after: readonly string[] | null,
): Reasons {
  if (after === null) return before === null ? [] : ["accepts the target's own audience"];
  return added(before ?? [], after).map((audience) => `accepts the audience "${audience}"`);
}

/** More seconds between `iat` and `exp`. */
export function longer(before: number, after: number): Reasons {
  return after > before ? [`lets tokens live ${after - before} seconds longer`] : [];
}

/** An earlier beginning, or none. Times are ISO 8601 in UTC, which sort as text. */
export function earlier(reason: string) {
  return (before: string | null, after: string | null): Reasons =>
    before !== null && (after === null || after < before) ? [reason] : [];
}

/** A later end, or none. */
export function later(reason: string) {
  return (before: string | null, after: string | null): Reasons =>
    before !== null && (after === null || after > before) ? [reason] : [];
}

/** Any other value loosens. */
export function differing(reason: string) {
  return (before: string, after: string): Reasons => before === after ? [] : [reason];
}

function added(before: readonly string[], after: readonly string[]): string[] {
  return after.filter((name) => !before.includes(name));
}
