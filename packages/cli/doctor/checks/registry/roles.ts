import { type IssuerSummary, type RoleStanding, roleStandings } from "@countersign/registry-admin";
import { type Check, type Finding, notChecked, ok, problem, warning } from "../../finding.ts";
import { sqlText } from "../../quoting.ts";
import { rolesOf, type Target } from "../../target.ts";

/** Whether issuers get the roles that their policies name, and policies for users apply to them. */
export const rolesCheck: Check = {
  name: "roles",
  async run({ issuers, database, exposure }) {
    const found = await issuers();
    if ("why" in found) return notChecked(found.why);
    const opened = await database();
    const findings = "why" in opened
      ? byTheRegistry(found)
      : (await roleStandings(opened, rolesOf(found)))
        .flatMap((standing) => byTheDatabase(standing, found));
    const all = [...findings, ...endedEarly(await exposure())];
    return all.length === 0 ? ok("every role that an issuer may claim is safe") : all;
  },
};

function endedEarly(open: Awaited<ReturnType<Target["exposure"]>>): readonly Finding[] {
  return "why" in open ? [] : open.shortTimeouts.flatMap((setting) => {
    const [role = ""] = setting.split(":");
    return warning(
      "short_timeout",
      `statements are ended after less than a second (${setting})`,
      `alter role ${role} reset statement_timeout`,
    );
  });
}

function byTheDatabase(
  { role, refusal, isAuthenticated }: RoleStanding,
  issuers: readonly IssuerSummary[],
): readonly Finding[] {
  const create = `select countersign.create_writer_role(${sqlText(role)})`;
  if (refusal === null) {
    return isAuthenticated ? [] : warning(
      "role_not_authenticated",
      `${role} does not inherit from authenticated: policies TO authenticated do not apply to it`,
      create,
    );
  }
  const effect = `tokens of ${holders(role, issuers)} that claim it are rejected`;
  if (refusal === "does not exist") {
    return problem("role_missing", `${role} does not exist: ${effect}`, create);
  }
  if (refusal.includes("be assumed")) {
    return problem(
      "role_not_granted",
      `${role} is not granted to authenticator, so PostgREST cannot switch to it: ${effect}`,
      create,
    );
  }
  return problem(
    "role_unsafe",
    `${role} ${refusal}: ${effect}`,
    "revoke that power or membership from the role, or give the issuer another role",
  );
}

/** The registry knows which roles are refused, and not why. */
function byTheRegistry(issuers: readonly IssuerSummary[]): readonly Finding[] {
  const refused = new Set(
    issuers.filter(({ isActive }) => isActive).flatMap(({ policy }) => policy.refusedRoles),
  );
  return Array.from(refused).flatMap((role) =>
    problem(
      "role_refused",
      `${role} is unsafe or missing: tokens of ${
        holders(role, issuers)
      } that claim it are rejected`,
      "give --database-url to see why",
    )
  );
}

function holders(role: string, issuers: readonly IssuerSummary[]): string {
  return issuers.filter(({ isActive, policy }) => isActive && policy.roles.includes(role))
    .map(({ issuer }) => issuer).join(", ");
}
