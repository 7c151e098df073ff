import { type Check, listed, notChecked, ok, warning } from "../../finding.ts";

/** Whether PostgREST serves the schemas that issuers were granted. */
export const schemasCheck: Check = {
  name: "schemas",
  async run({ relations, exposedSchemas }) {
    const [found, exposed] = [await relations(), await exposedSchemas()];
    if ("why" in found) return notChecked(found.why);
    if (exposed === undefined) {
      return notChecked("PostgREST does not say which schemas it serves; give --apikey");
    }
    const hidden = new Map<string, string[]>();
    for (const { schema, relation, granted } of found) {
      if (granted.length === 0 || exposed.includes(schema)) continue;
      hidden.set(schema, [...new Set([...hidden.get(schema) ?? [], relation])]);
    }
    return hidden.size === 0
      ? ok(`PostgREST serves ${exposed.join(", ")}`)
      : Array.from(hidden).flatMap(([schema, tables]) =>
        warning(
          "schema_not_exposed",
          `PostgREST does not serve the schema ${schema}, where issuers were granted ${
            listed(tables)
          }`,
          `add ${schema} to the exposed schemas (Settings, Data API; or pgrst.db_schemas), and have issuers send Content-Profile: ${schema}`,
        )
      );
  },
};
