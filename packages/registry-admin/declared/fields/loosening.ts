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

/** More seconds for tokens that the issuer's are exchanged for, or any at all. */
export function longerExchange(before: number | null, after: number | null): Reasons {
  if (after === null) return [];
  if (before === null) return [`lets tokens be exchanged for some that live ${after} seconds`];
  return after > before ? [`lets exchanged tokens live ${after - before} seconds longer`] : [];
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

/** Anything else than before, unless it is nothing: then another column says from where instead. */
export function otherSource(reason: string) {
  return (before: string | null, after: string | null): Reasons =>
    after === null || after === before ? [] : [reason];
}

/** Algorithms that were not in the list. */
export function moreAlgorithms(before: readonly string[], after: readonly string[]): Reasons {
  return added(before, after).map((algorithm) => `accepts signatures with ${algorithm}`);
}

/** Another role, also that of the issuer's default. */
export function otherRole(before: string | null, after: string | null): Reasons {
  if (after === before) return [];
  return [after === null ? "acts in the issuer's default role" : `acts in the role "${after}"`];
}

/** A claim that is mapped, and was not or from elsewhere. Both are JSON. */
export function moreMappedClaims(before: string, after: string): Reasons {
  const mapped = members(before);
  return Object.entries(members(after)).filter(([name, path]) =>
    !Object.hasOwn(mapped, name) || mapped[name] !== path
  ).map(([name]) => `sets the claim "${name}"`);
}

/** A condition that is left out, or that holds for more. Both are JSON. */
export function widerConditions(before: string, after: string): Reasons {
  const wanted = members(after);
  return Object.entries(members(before)).flatMap(([claim, former]) => {
    if (!Object.hasOwn(wanted, claim)) return [`asks no longer for the claim "${claim}"`];
    const more = listed(wanted[claim]).filter((value) =>
      !listed(former).some((rule) => conditionCovers(rule, value))
    );
    return more.map((value) => `accepts ${JSON.stringify(value)} as the claim "${claim}"`);
  });
}

/** Whether everything that one value of a condition holds for, the other does as well. */
function conditionCovers(rule: unknown, value: unknown): boolean {
  if (rule === value) return true;
  if (typeof rule !== "string" || typeof value !== "string" || !rule.endsWith("*")) return false;
  const prefix = rule.replace(/\*+$/, "");
  const fixed = value.replace(/\*+$/, "");
  const rest = fixed.slice(prefix.length);
  // A prefix stands for at least one character more.
  if (!fixed.startsWith(prefix) || (rest === "" && fixed === value)) return false;
  return rule.endsWith("**") || (!value.endsWith("**") && !/[/:]/.test(rest));
}

function listed(condition: unknown): readonly unknown[] {
  return Array.isArray(condition) ? condition : [condition];
}

function members(json: string): Readonly<Record<string, unknown>> {
  return JSON.parse(json);
}

function added(before: readonly string[], after: readonly string[]): string[] {
  return after.filter((name) => !before.includes(name));
}
