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
    lines: rows.length === 0 ? ["would change nothing"] : rows.flatMap((row) => [
      `would ${VERBS[row.operation]} ${described(row)}`,
      ...row.changed.filter(isTold).map((column) => line(row, column)),
    ]),
  };
}

const VERBS = { INSERT: "add", UPDATE: "change", DELETE: "remove" } as const;

function line({ operation, before, after }: PlannedRow, column: string): string {
  return before === null || operation === "DELETE"
    ? `  ${column}: ${JSON.stringify(after[column])}`
    : `  ${column}: ${JSON.stringify(before[column])} → ${JSON.stringify(after[column])}`;
}

function described({ table, issuer, kid, name }: PlannedRow): string {
  switch (table) {
    case "jwt_oidc_providers":
      return `provider ${issuer}`;
    case "jwt_federation_rules":
      return `rule ${name} of issuer ${issuer}`;
    case "jwt_revoked_provider_keys":
      return `the revocation of key ${kid} of provider ${issuer}`;
    default:
      return kid === null ? `issuer ${issuer}` : `key ${kid} of ${issuer}`;
  }
}

function summary(row: PlannedRow): unknown {
  const { operation, table, issuer, kid, name, before, after, changed } = row;
  const columns = changed.filter(isTold);
  const of = (row: PlannedRow["after"]) =>
    Object.fromEntries(columns.map((column) => [column, row[column] ?? null]));
  return {
    operation,
    table,
    issuer,
    kid,
    ...(name !== null && { name }),
    before: before && of(before),
    after: of(after),
  };
}

/** What every row has, and the row is named by. */
function isTold(column: string): boolean {
  return !["created_at", "updated_at", "revoked_at", "issuer", "kid", "name"].includes(column);
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
