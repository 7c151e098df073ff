import { type Check, notChecked, ok, problem } from "../../finding.ts";

const FIXES: Readonly<Record<string, string>> = {
  schema_missing: "countersign init, then supabase db push --remote",
  invalid_argument: "correct the database URL, or COUNTERSIGN_DB_CA",
};

/** Whether the registry can be read with what the operator gave. */
export const accessCheck: Check = {
  name: "access",
  async run({ issuers, database }) {
    const opened = await database();
    const refused = "why" in opened && opened.error !== undefined
      ? problem(
        "database_unreachable",
        opened.error.message,
        FIXES[opened.error.code] ??
          "check the database URL: host, port, user, password and sslmode",
      )
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
    const { code, message } = found.error;
    const isOpen = !("why" in opened);
    if (isOpen && code === "not_authorized") {
      return problem(
        "registry_denied",
        message,
        "connect as the registry's owner, usually postgres; see migrations",
      );
    }
    if (isOpen && code !== "schema_missing") {
      return problem(
        "registry_broken",
        message,
        "apply the migrations again, which restore what is missing",
      );
    }
    return code === "schema_missing"
      ? problem("migrations_missing", message, FIXES.schema_missing ?? "")
      : problem("registry_refused", message, "check the service key, or the database URL");
  },
};
