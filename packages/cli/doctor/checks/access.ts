import { type Check, notChecked, ok, problem } from "../finding.ts";

/** Whether the registry can be read with what the operator gave. */
export const accessCheck: Check = {
  name: "access",
  async run({ issuers, database }) {
    const opened = await database();
    const refused = "why" in opened && opened.error !== undefined
      ? problem(opened.error.message, "check the database URL, its password and sslmode")
      : [];
    const found = await issuers();
    if (!("why" in found)) {
      const active = found.filter(({ isActive }) => isActive).length;
      return [
        ...refused,
        ...ok(`issuers registered: ${found.length}, active: ${active}`),
      ];
    }
    if (found.error === undefined) return notChecked(found.why);
    if (refused.length > 0) return refused;
    return problem(
      found.error.message,
      found.error.code === "schema_missing"
        ? "countersign init, then supabase db push --remote"
        : "check the service key, or the database URL",
    );
  },
};
