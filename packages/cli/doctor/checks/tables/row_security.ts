import { type Check, listed, notChecked, ok, warning } from "../../finding.ts";

/** Whether Row Level Security stands between an issuer and each table that it was granted. */
export const rowSecurityCheck: Check = {
  name: "tables",
  async run({ relations }) {
    const found = await relations();
    if ("why" in found) return notChecked(found.why);
    const open = new Map<string, string[]>();
    for (const { relation, kind, role, granted, rowSecurity } of found) {
      if (kind !== "table" || rowSecurity || granted.length === 0) continue;
      open.set(relation, [...open.get(relation) ?? [], role]);
    }
    return open.size === 0
      ? ok("every table that issuers' roles may touch has row level security")
      : Array.from(open).flatMap(([table, roles]) =>
        warning(
          "row_security_off",
          `${table} has no row level security: every row of it is open to ${listed(roles)}`,
          `alter table ${table} enable row level security, and write policies for it`,
        )
      );
  },
};
