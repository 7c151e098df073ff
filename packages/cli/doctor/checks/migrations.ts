import { schemaDifferences } from "@countersign/registry-admin";
import config from "../../deno.json" with { type: "json" };
import { type Check, notChecked, ok, problem } from "../finding.ts";

/** As many as fit on a line; the first tells enough. */
const NAMED = 3;

/** Whether the schema is the one that this version's migrations make. */
export const migrationsCheck: Check = {
  name: "migrations",
  async run({ database }) {
    const found = await database();
    if ("why" in found) return notChecked(found.why);
    const differences = await schemaDifferences(found);
    if (differences.length === 0) return ok(`the schema is that of version ${config.version}`);
    const named = differences.slice(0, NAMED)
      .map(({ object, found }) => `${object} is ${found}`)
      .join(", ");
    const more = differences.length > NAMED ? `, and ${differences.length - NAMED} more` : "";
    return problem(
      `the schema is not that of version ${config.version}: ${named}${more}`,
      "countersign init, then supabase db push --remote; where that finds nothing to do, run the files again by hand, which is safe",
    );
  },
};
