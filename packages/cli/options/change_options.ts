import {
  type PlannedRow,
  RegistryError,
  type RegistryTarget,
  roleStandings,
} from "@countersign/registry-admin";
import type { Result } from "./output.ts";

/** What `--dry-run` promises. */
export const DRY_RUN = "show what would be changed, without changing it";

/** What commands that change something take. */
export interface ChangeFlags {
  readonly reason?: string;
  readonly dryRun?: boolean;
}

/**
 * What a command would have written.
 *
 * @throws {RegistryError} `role_not_allowed`: over SQL, the database is asked what it makes of the roles.
 */
export async function planned(
  rows: readonly PlannedRow[],
  target: RegistryTarget,
): Promise<Result> {
  await refuseUnsafeRoles(rows, target);
  return {
    json: { dryRun: true, changes: rows.map(summary) },
    lines: rows.length === 0
      ? ["would change nothing"]
      : rows.flatMap(({ operation, issuer, kid, before, after, changed }) => [
        `would ${operation === "INSERT" ? "add" : "change"} ${
          kid === null ? `issuer ${issuer}` : `key ${kid} of ${issuer}`
        }`,
        ...changed.filter(isTold).map((column) =>
          before === null
            ? `  ${column}: ${JSON.stringify(after[column])}`
            : `  ${column}: ${JSON.stringify(before[column])} → ${JSON.stringify(after[column])}`
        ),
      ]),
  };
}

function summary({ operation, table, issuer, kid, before, after, changed }: PlannedRow): unknown {
  const columns = changed.filter(isTold);
  const of = (row: PlannedRow["after"]) =>
    Object.fromEntries(columns.map((column) => [column, row[column] ?? null]));
  return { operation, table, issuer, kid, before: before && of(before), after: of(after) };
}

/** What every row has, and the row is named by. */
function isTold(column: string): boolean {
  return !["created_at", "updated_at", "issuer", "kid"].includes(column);
}

async function refuseUnsafeRoles(
  rows: readonly PlannedRow[],
  target: RegistryTarget,
): Promise<void> {
  if ("supabaseUrl" in target) return;
  const roles = rows.flatMap(({ after, changed }) =>
    changed.includes("allowed_roles") && Array.isArray(after.allowed_roles)
      ? after.allowed_roles.map(String)
      : []
  );
  if (roles.length === 0) return;
  const { dryRun: _, ...database } = target;
  const refused = (await roleStandings(database, roles)).find(({ refusal }) => refusal !== null);
  if (refused === undefined) return;
  throw new RegistryError(
    "role_not_allowed",
    `Role "${refused.role}" cannot be given to an issuer: it ${refused.refusal}`,
  );
}
