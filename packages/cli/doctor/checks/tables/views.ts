import { type Check, listed, notChecked, ok, warning } from "../../finding.ts";

/** Whether a view hands out rows past the policies of the tables behind it. */
export const viewsCheck: Check = {
  name: "views",
  async run({ relations }) {
    const found = await relations();
    if ("why" in found) return notChecked(found.why);
    const open = new Map<string, { kind: string; bypassed: readonly string[]; roles: string[] }>();
    for (const { relation, kind, role, granted, bypassed } of found) {
      if (granted.length === 0 || bypassed.length === 0) continue;
      const { roles = [] } = open.get(relation) ?? {};
      open.set(relation, { kind, bypassed, roles: [...roles, role] });
    }
    return open.size === 0
      ? ok("no view that issuers' roles may use bypasses a policy")
      : Array.from(open).flatMap(([view, { kind, bypassed, roles }]) =>
        kind === "materialized view"
          ? warning(
            "materialized_view",
            `${view} is a copy of ${
              listed(bypassed)
            } without row level security: every row of it is open to ${listed(roles)}`,
            `revoke all on ${view} from ${roles.join(", ")}`,
          )
          : warning(
            "view_bypasses",
            `${view} reads ${listed(bypassed)} with its owner's rights, past every policy, for ${
              listed(roles)
            }`,
            `alter view ${view} set (security_invoker = true), or revoke all on ${view} from ${
              roles.join(", ")
            }`,
          )
      );
  },
};
