import type { RelationAccess, TableCommand } from "@countersign/registry-admin";
import { type Check, type Finding, notChecked, ok, problem, warning } from "../../finding.ts";

/** Whether what a role was granted is let through by a policy, and what a policy lets through was granted. */
export const policiesCheck: Check = {
  name: "policies",
  async run({ relations }) {
    const found = await relations();
    if ("why" in found) return notChecked(found.why);
    const findings = found.flatMap((
      access,
    ) => [
      ...withoutPolicy(access),
      ...withoutSelect(access),
      ...withoutGrant(access),
      ...withoutSequence(access),
    ]);
    return findings.length === 0
      ? ok("grants and policies of issuers' roles fit together")
      : findings;
  },
};

function withoutPolicy(access: RelationAccess): readonly Finding[] {
  const { kind, role, relation, granted, rowSecurity, policies, policiesForOthers } = access;
  if (kind !== "table" || !rowSecurity) return [];
  const covered = (command: TableCommand) =>
    policies.some((policy) => policy.command === "ALL" || policy.command === command);
  const missing = granted.filter((command) => !covered(command));
  if (missing.length === 0) return [];
  const commands = missing.join(", ");
  const create = `create policy <name> on ${relation} for ${
    missing.length === 1 ? missing[0]?.toLowerCase() : "all"
  } to ${role} …`;
  if (policies.length === 0 && policiesForOthers.length > 0) {
    const [other] = policiesForOthers;
    return warning(
      "policy_for_others",
      `${role} may ${commands} on ${relation}, and its policies are for other roles: ${other?.name} for ${other?.roles}`,
      `alter policy "${other?.name}" on ${relation} to ${other?.roles}, ${role}; or ${create}`,
    );
  }
  return policies.length === 0
    ? warning(
      "no_policy",
      `${role} may ${commands} on ${relation}, which has row level security and no policy: no row passes`,
      create,
    )
    : warning(
      "no_policy_for_command",
      `${role} may ${commands} on ${relation}, and no policy lets it: the others are for ${
        [...new Set(policies.map(({ command }) => command))].join(", ")
      }`,
      create,
    );
}

/** A filter reads the columns that it names, and a row that is not seen is not changed either. */
function withoutSelect(
  { kind, role, relation, granted, rowSecurity, policies }: RelationAccess,
): readonly Finding[] {
  const changes = granted.filter((command) => command === "UPDATE" || command === "DELETE");
  if (kind !== "table" || changes.length === 0) return [];
  if (!granted.includes("SELECT")) {
    return warning(
      "change_without_select",
      `${role} may ${
        changes.join(", ")
      } on ${relation}, and not SELECT: a request with a filter is rejected`,
      `grant select on ${relation} to ${role}, or on the columns that it filters by`,
    );
  }
  const has = (...commands: string[]) => policies.some(({ command }) => commands.includes(command));
  return rowSecurity && has("ALL", ...changes) && !has("ALL", "SELECT")
    ? warning(
      "change_without_select_policy",
      `${role} may ${
        changes.join(", ")
      } on ${relation}, and no policy lets it SELECT: it changes no row`,
      `create policy <name> on ${relation} for select to ${role} …`,
    )
    : [];
}

function withoutGrant({ role, relation, granted, isMeant }: RelationAccess): readonly Finding[] {
  return isMeant && granted.length === 0
    ? problem(
      "no_grant",
      `a policy of ${relation} is for ${role}, which was granted nothing on it: "permission denied for table"`,
      `grant select, insert on ${relation} to ${role}, or what it needs; and usage on its schema`,
    )
    : [];
}

function withoutSequence(
  { role, relation, granted, missingSequences }: RelationAccess,
): readonly Finding[] {
  return granted.includes("INSERT")
    ? missingSequences.flatMap((sequence) =>
      problem(
        "no_sequence",
        `${role} may insert into ${relation}, and not use the sequence ${sequence} of its default: "permission denied for sequence"`,
        `grant usage on sequence ${sequence} to ${role}`,
      )
    )
    : [];
}
