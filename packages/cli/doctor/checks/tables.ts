import { type Check, notChecked, ok, warning } from "../finding.ts";
import { standingsOf } from "./roles.ts";

/** Whether row level security stands between an issuer and each table that it was granted. */
export const tablesCheck: Check = {
  name: "tables",
  async run({ issuers, database }) {
    const opened = await database();
    if ("why" in opened) return notChecked(opened.why);
    const found = await issuers();
    if ("why" in found) return notChecked(found.why);
    const roles = new Map<string, string[]>();
    for (const { role, unprotectedTables } of await standingsOf(found, opened)) {
      for (const table of unprotectedTables) {
        roles.set(table, [...roles.get(table) ?? [], role]);
      }
    }
    return roles.size === 0
      ? ok("every table that issuers' roles may touch has row level security")
      : Array.from(roles).flatMap(([table, names]) =>
        warning(
          `${table} has no row level security: every row of it is open to ${names.join(", ")}`,
          `alter table ${table} enable row level security, and write policies for it`,
        )
      );
  },
};
