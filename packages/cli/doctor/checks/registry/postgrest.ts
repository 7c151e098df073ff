import { type Check, type Finding, notChecked, ok, problem, warning } from "../../finding.ts";

/** Whether settings in the database make PostgREST reject, or hand out, what it should not. */
export const postgrestCheck: Check = {
  name: "postgrest",
  async run({ exposure, exposedSchemas }) {
    const [open, exposed] = [await exposure(), await exposedSchemas()];
    if ("why" in open) return notChecked(open.why);
    const { jwt_aud: audience, jwt_secret: secret } = open.postgrest;
    const schemas = exposed ?? open.postgrest.db_schemas?.split(",").map((name) => name.trim());
    const findings: Finding[] = [
      ...audience === undefined || audience === "" ? [] : warning(
        "jwt_aud_set",
        `PostgREST itself accepts tokens for "${audience}" only, whatever the function accepts`,
        `let issuers name "${audience}" as aud; or alter role authenticator reset pgrst.jwt_aud; notify pgrst, 'reload config'`,
      ),
      ...secret === undefined ? [] : warning(
        "jwt_secret_in_database",
        "PostgREST's secret is a setting in the database, which every role can read",
        "alter role authenticator reset pgrst.jwt_secret, rotate the secret, and set it in PostgREST's configuration",
      ),
      ...schemas?.includes("countersign") !== true ? [] : problem(
        "private_schema_exposed",
        "PostgREST serves the schema countersign, which is private",
        "remove it from the exposed schemas (Settings, Data API; or pgrst.db_schemas)",
      ),
      ...schemas === undefined || schemas.includes("public") ? [] : warning(
        "public_not_exposed",
        "PostgREST does not serve the schema public: the registry cannot be read with a service key",
        "have the function read the registry with COUNTERSIGN_DB_URL, and administer it with --database-url; or expose public",
      ),
    ];
    return findings.length === 0 ? ok("no setting in the database is in the way") : findings;
  },
};
