import type { IssuerSummary, RegisteredKey } from "@countersign/registry-admin";
import { type Check, type Finding, notChecked, ok, problem, warning } from "../../finding.ts";
import { shellWord } from "../../quoting.ts";

const DAY_MS = 86_400_000;
/** Long enough to rotate a key in working hours. */
const NOTICE_DAYS = 14;

/** Whether every active issuer has a key that verifies, and will go on having one. */
export const keysCheck: Check = {
  name: "keys",
  async run({ issuers, federation, now }) {
    const [found, federated] = [await issuers(), await federation()];
    if ("why" in found) return notChecked(found.why);
    // An issuer that a provider's tokens act as needs no key.
    const byRule = new Set(
      "why" in federated
        ? []
        : federated.rules.filter(({ isActive }) => isActive).map(({ issuer }) => issuer),
    );
    const findings = found
      .filter(({ issuer, isActive, keys }) =>
        isActive && !(keys.length === 0 && byRule.has(issuer))
      )
      .flatMap((summary) => ofIssuer(summary, now()));
    return findings.length === 0
      ? ok(`every active issuer has a key for the next ${NOTICE_DAYS} days`)
      : findings;
  },
};

function ofIssuer({ issuer, keys }: IssuerSummary, now: number): readonly Finding[] {
  const current = keys.filter(({ state }) => state === "current");
  const standby = keys.filter(({ state }) => state === "standby");
  if (current.length === 0) return withoutKey(issuer, keys, standby);
  const end = coveredUntil(current, standby);
  if (end > now + NOTICE_DAYS * DAY_MS) return [];
  return warning(
    "key_expires",
    `the last key of ${issuer} expires on ${day(end)}, in ${
      Math.ceil((end - now) / DAY_MS)
    } days, and none follows it`,
    `countersign rotate --issuer ${shellWord(issuer)} --public-key <file>`,
  );
}

function withoutKey(
  issuer: string,
  keys: readonly RegisteredKey[],
  standby: readonly RegisteredKey[],
): readonly Finding[] {
  const name = shellWord(issuer);
  const register = `countersign register --issuer ${name} --public-key <file>`;
  if (standby.length > 0) {
    return problem(
      "key_not_begun",
      `${issuer} has no key that verifies: the next one begins on ${
        day(Math.min(...standby.map(beginOf)))
      }`,
      `wait, or let it begin: ${register} --not-before now, with the file of the same key`,
    );
  }
  if (keys.length === 0) {
    return problem(
      "key_missing",
      `${issuer} has no key that verifies: none was registered`,
      `${register}, or countersign deactivate --issuer ${name}`,
    );
  }
  return keys.some(({ state }) => state === "retired")
    ? problem(
      "key_expired",
      `${issuer} has no key that verifies: its keys have expired, or were revoked`,
      `countersign keygen, then ${register}, or countersign deactivate --issuer ${name}`,
    )
    : problem(
      "key_revoked",
      `${issuer} has no key that verifies: its keys were revoked`,
      `countersign keygen, then ${register}, or countersign deactivate --issuer ${name}`,
    );
}

/** Until when there is always a key: each that begins before the others have ended carries on. */
function coveredUntil(
  current: readonly RegisteredKey[],
  standby: readonly RegisteredKey[],
): number {
  const following = standby.toSorted((a, b) => beginOf(a) - beginOf(b));
  return following.reduce(
    (end, key) => beginOf(key) <= end ? Math.max(end, endOf(key)) : end,
    Math.max(...current.map(endOf)),
  );
}

function beginOf({ not_before }: RegisteredKey): number {
  return not_before === null ? -Infinity : Date.parse(not_before);
}

function endOf({ not_after }: RegisteredKey): number {
  return not_after === null ? Infinity : Date.parse(not_after);
}

function day(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10);
}
