import type { IssuerKey, IssuerRecord } from "@countersign/verifier";
import type { StepName } from "./steps.ts";
import type { UnverifiedToken } from "./read_unverified.ts";

/** What the two sides say of one step, for a person to compare. */
export interface Facts {
  /** What the token says, unverified. */
  readonly token: string;
  /** What the registry says, or the target. */
  readonly registry: string;
}

/** What the token is held against. */
export interface Surroundings {
  readonly record: IssuerRecord | undefined;
  readonly audience?: readonly string[];
  readonly refusedRoles?: Readonly<Record<string, string>>;
  readonly now: () => number;
}

/** Puts side by side what the token says of a step and what it is held against. */
export function factsAbout(
  step: StepName,
  { header, claims }: UnverifiedToken,
  { record, audience, refusedRoles = {}, now }: Surroundings,
): Facts {
  const policy = record?.policy;
  switch (step) {
    case "form":
      return {
        token: members(header, Object.keys(header)),
        registry: "no opinion yet: the form comes first",
      };
    case "issuer":
      return { token: members(claims, ["iss"]), registry: issuerState(record) };
    case "key":
    case "signature":
      return {
        token: members(header, ["kid", "alg"]),
        registry: record === undefined ? "nothing" : keys(record),
      };
    case "times":
      return {
        token: ["iat", "nbf", "exp"].map((name) => `${name} ${time(claims[name])}`).join(", "),
        registry:
          `now ${time(now() / 1000)}, at most ${policy?.maxTokenLifetime}s from iat to exp` +
          (policy?.rejectIssuedBefore ? `, iat not before ${time(policy.rejectIssuedBefore)}` : ""),
      };
    case "audience":
      return {
        token: members(claims, ["aud"]),
        registry: `one of ${JSON.stringify(policy?.audiences ?? audience ?? [])}`,
      };
    case "policy":
      return {
        token: members(claims, Object.keys(claims).filter((name) => !TIMES.has(name))),
        registry: [
          `roles ${JSON.stringify(policy?.allowedRoles)}`,
          ...Object.entries(refusedRoles).map(([role, why]) =>
            `in the policy, and refused: "${role}", which ${why}`
          ),
          `default role ${JSON.stringify(policy?.defaultRole)}`,
          `subjects ${list(policy?.allowedSubjects, "any that is not a user's id")}`,
          `claims ${list(policy?.allowedClaims, "any that is not protected")}`,
        ].join(", "),
      };
  }
}

const TIMES: ReadonlySet<string> = new Set(["iat", "nbf", "exp"]);
const LONGEST = 80;

/** Members of a token, in words. */
export function members(
  object: Readonly<Record<string, unknown>>,
  names: readonly string[],
): string {
  return names.map((name) => `${name} ${brief(object[name])}`).join(", ") || "nothing readable";
}

function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? "missing";
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/** Seconds since the epoch, in words. */
export function time(seconds: unknown): string {
  if (typeof seconds !== "number") return brief(seconds);
  const date = new Date(Math.floor(seconds) * 1000);
  return Number.isNaN(date.getTime()) ? brief(seconds) : date.toISOString();
}

function issuerState(record: IssuerRecord | undefined): string {
  if (record === undefined) return "no issuer of exactly that name";
  return `${record.issuer}, ${record.isActive ? "active" : "deactivated"}`;
}

function keys(record: IssuerRecord): string {
  const active = record.keys.map((key) => `${key.kid} ${key.algorithm}${span(key)}`);
  const revoked = record.revokedKids.map((kid) => `${kid} revoked`);
  return [...active, ...revoked].join(", ") || "no key";
}

function span({ notBefore, notAfter }: IssuerKey): string {
  return (notBefore === null ? "" : ` from ${time(notBefore)}`) +
    (notAfter === null ? "" : ` until ${time(notAfter)}`);
}

function list(names: readonly string[] | null | undefined, absent: string): string {
  return names === null ? absent : JSON.stringify(names);
}
