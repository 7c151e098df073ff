import {
  type IssuerSummary,
  type RoleStanding,
  roleStandings,
  type SqlTarget,
} from "@countersign/registry-admin";
import { type Check, type Finding, notChecked, ok, problem, warning } from "../finding.ts";
import { sqlText } from "../quoting.ts";

/** Whether issuers get the roles that their policies name, and policies for users apply to them. */
export const rolesCheck: Check = {
  name: "roles",
  async run({ issuers, database }) {
    const found = await issuers();
    if ("why" in found) return notChecked(found.why);
    const opened = await database();
    const findings = "why" in opened
      ? byTheRegistry(found)
      : (await standingsOf(found, opened)).flatMap((standing) => byTheDatabase(standing, found));
    return findings.length === 0 ? ok("every role that an issuer may claim is safe") : findings;
  },
};

/** Asks the database about every role that an active issuer may claim. */
export async function standingsOf(
  issuers: readonly IssuerSummary[],
  database: SqlTarget,
): Promise<RoleStanding[]> {
  const roles = new Set(
    issuers.filter(({ isActive }) => isActive).flatMap(({ policy }) => policy.roles),
  );
  return await roleStandings(database, [...roles]);
}

function byTheDatabase(
  { role, refusal, isAuthenticated }: RoleStanding,
  issuers: readonly IssuerSummary[],
): readonly Finding[] {
  if (refusal !== null) {
    return problem(
      `${role} ${refusal}: the tokens of ${holders(role, issuers)} that claim it are refused`,
      refusal === "does not exist" || refusal.startsWith("can't be assumed")
        ? `select countersign.create_writer_role(${sqlText(role)})`
        : "take that power from it, or give the issuer another role",
    );
  }
  return isAuthenticated ? [] : warning(
    `${role} does not inherit from authenticated: policies TO authenticated don't apply to it`,
    `select countersign.create_writer_role(${sqlText(role)})`,
  );
}

/** The registry knows which roles are refused, and not why. */
function byTheRegistry(issuers: readonly IssuerSummary[]): readonly Finding[] {
  const refused = new Set(
    issuers.filter(({ isActive }) => isActive).flatMap(({ policy }) => policy.refusedRoles),
  );
  return Array.from(refused).flatMap((role) =>
    problem(
      `${role} is not safe, or not there: the tokens of ${
        holders(role, issuers)
      } that claim it are refused`,
      "give --database-url to see why",
    )
  );
}

function holders(role: string, issuers: readonly IssuerSummary[]): string {
  return issuers.filter(({ isActive, policy }) => isActive && policy.roles.includes(role))
    .map(({ issuer }) => issuer).join(", ");
}
