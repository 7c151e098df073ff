import { schemaDifferences } from "@countersign/registry-admin";
import config from "../../../deno.json" with { type: "json" };
import { type Check, type Finding, notChecked, ok, problem, warning } from "../../finding.ts";

/** As many as fit on a line; the first tells enough. */
const NAMED = 3;

/** Whether the schema is the one that this version's migrations make, and can be migrated on. */
export const migrationsCheck: Check = {
  name: "migrations",
  async run({ database, exposure }) {
    const found = await database();
    if ("why" in found) return notChecked(found.why);
    const open = await exposure();
    const owned = "why" in open || open.foreignOwner === null ? [] : warning(
      "foreign_owner",
      `the registry belongs to ${open.foreignOwner}, whose rights the role of this connection does not have`,
      `apply the migrations as ${open.foreignOwner}, or let it give them away: alter table public.jwt_issuers owner to postgres, then apply them again`,
    );
    return [...await differences(found), ...owned];
  },
};

async function differences(
  database: Parameters<typeof schemaDifferences>[0],
): Promise<readonly Finding[]> {
  const differences = await schemaDifferences(database);
  if (differences.length === 0) return ok(`the schema is that of version ${config.version}`);
  const named = differences.slice(0, NAMED)
    .map(({ object, found }) => `${object} is ${found}`)
    .join(", ");
  const more = differences.length > NAMED ? `, and ${differences.length - NAMED} more` : "";
  return problem(
    "schema_differs",
    `the schema is not that of version ${config.version}: ${named}${more}`,
    "countersign init, then supabase db push --remote; if that finds nothing to do, run the files again by hand, which is safe",
  );
}
