import { RegistryError } from "../errors.ts";
import type { Condition } from "../store/registry_store.ts";
import { type AuditRow, auditRow } from "../store/rows.ts";
import { withRegistry } from "../store/with_registry.ts";
import type { RegistryTarget } from "../target.ts";

const DEFAULT_LIMIT = 100;
const MOST = 1000;

/** Which part of the log to read. */
export interface AuditQuery {
  /** Only changes of this issuer and of its keys. */
  readonly issuer?: string;
  /** How many changes at most, 1 to 1000. Default: 100. */
  readonly limit?: number;
  /** Only changes older than the one with this id: the last id of the page before. */
  readonly before?: number;
}

/**
 * Reads the log of changes, the newest first.
 *
 * @throws {RegistryError} `invalid_argument`, `not_authorized`, `schema_missing`, `unreachable`.
 *
 * @example Read who registered a key
 * ```ts
 * import { auditLog, registerPublicKey } from "@countersign/registry-admin";
 * import { startLocalTarget } from "@countersign/local-target";
 * import { generateIssuerKeyPair } from "@countersign/signer";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({ function: false });
 * const { publicKey } = await generateIssuerKeyPair();
 * const project = { supabaseUrl: target.url, serviceRoleKey: target.secretKey };
 * await registerPublicKey({ ...project, issuer: "billing", publicKey });
 *
 * const [latest] = await auditLog(project, { issuer: "billing", limit: 1 });
 * assert.equal(latest?.operation, "INSERT");
 * assert.equal(latest?.actor, "service_role");
 * ```
 */
export async function auditLog(
  target: RegistryTarget,
  query: AuditQuery = {},
): Promise<AuditRow[]> {
  const { issuer, limit = DEFAULT_LIMIT, before } = query;
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST) {
    throw new RegistryError("invalid_argument", `Expected limit to be a number from 1 to ${MOST}`);
  }
  if (before !== undefined && !Number.isSafeInteger(before)) {
    throw new RegistryError("invalid_argument", "Expected before to be the id of a change");
  }
  const where: Condition[] = [
    ...(issuer === undefined ? [] : [["issuer", "eq", issuer]] satisfies Condition[]),
    ...(before === undefined ? [] : [["id", "lt", before]] satisfies Condition[]),
  ];
  return await withRegistry(target, async (registry) => {
    const rows = await registry.select("jwt_registry_audit", {
      where,
      order: ["id"],
      descending: true,
      limit,
    });
    return rows.map(auditRow);
  });
}
