import type { Algorithm } from "@countersign/verifier";
import { RegistryError } from "../errors.ts";
import { checkedKey } from "./checked_key.ts";
import { policyColumns, type PolicyFields } from "../issuers/policy.ts";
import { type Columns, findRow, type RegistryStore, type Row } from "../store/registry_store.ts";
import { epochColumn } from "../store/epoch_column.ts";
import { flag, type PublicKeyRow, publicKeyRow, text, texts } from "../store/rows.ts";
import { ownKey, putKey } from "./key_rows.ts";
import { withRegistry } from "../store/with_registry.ts";
import type { RegistryTarget } from "../target.ts";

/** A key, its issuer, and the fields of the issuer's policy to set. */
export interface KeyRegistration extends PolicyFields {
  /** The `iss` of the tokens that the key signs. */
  readonly issuer: string;
  /** SPKI PEM. */
  readonly publicKey: string;
  /** Default: RS256 for an RSA key, ES256 for P-256, ES384 for P-384, EdDSA for Ed25519. */
  readonly algorithm?: Algorithm;
  /** Seconds since the epoch from which the key verifies; `null`: always. */
  readonly notBefore?: number | null;
  /** Seconds since the epoch at which it stops; `null`: never. */
  readonly notAfter?: number | null;
  /** Called with a sentence for each result that was probably not intended. */
  readonly onWarning?: (message: string) => void;
}

/** What to register, and where. */
export type RegisterOptions = KeyRegistration & RegistryTarget;

/**
 * Registers a public key for an issuer, and the issuer with it if it is new.
 *
 * The key is checked by the code that verifies with it. Repeating a registration changes nothing. Only the fields of the
 * policy that are given are set; a further key never widens an issuer's policy by itself.
 *
 * **Does not** reactivate a revoked key or a deactivated issuer, take a key from another issuer, or retire the issuer's other keys
 * ({@linkcode rotateKey} does). Without `roles`, the tokens of a new issuer are rejected.
 *
 * @returns The stored row.
 * @throws {RegistryError} `invalid_public_key`, `invalid_argument`, `role_not_allowed`, `key_belongs_to_another_issuer`,
 * `key_revoked`, `conflict`, `not_authorized`, `schema_missing`, `unreachable`.
 *
 * @example Register a key, with what its tokens may claim
 * ```ts
 * import { registerPublicKey } from "@countersign/registry-admin";
 * import { startLocalTarget } from "@countersign/local-target";
 * import { generateIssuerKeyPair } from "@countersign/signer";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({ function: false });
 *
 * const { publicKey, kid } = await generateIssuerKeyPair();
 * const row = await registerPublicKey({
 *   supabaseUrl: target.url,
 *   serviceRoleKey: target.serviceRoleKey,
 *   issuer: "billing",
 *   publicKey,
 *   subjects: ["job-*"],
 *   onWarning: (message) => assert.match(message, /no roles yet/),
 * });
 * assert.equal(row.kid, kid);
 * ```
 */
export async function registerPublicKey(options: RegisterOptions): Promise<PublicKeyRow> {
  const { issuer } = options;
  const policy = policyColumns(options);
  const times = timeColumns(options);
  const key = await checkedKey(options.publicKey, options.algorithm);

  const { row, warnings } = await withRegistry(options, async (registry) => {
    // Before anything is written: over REST there is no transaction to undo it.
    await ownKey(registry, issuer, key);
    if (Object.keys(policy).length > 0) await putPolicy(registry, issuer, policy);
    const stored = await putKey(registry, issuer, key, times);
    const record = await findRow(registry, "jwt_issuers", "issuer", issuer);
    if (record === undefined) throw changedMeanwhile(issuer);
    return {
      row: publicKeyRow(stored, flag(record, "is_active")),
      warnings: await warningsAbout(registry, record, key.kid),
    };
  });
  for (const warning of warnings) options.onWarning?.(warning);
  return row;
}

function timeColumns({ notBefore, notAfter }: KeyRegistration): Columns {
  const from = epochColumn("notBefore", notBefore);
  const until = epochColumn("notAfter", notAfter);
  return {
    ...(from === undefined ? {} : { not_before: from }),
    ...(until === undefined ? {} : { not_after: until }),
  };
}

/** Updates before it inserts: in an upsert, a row's checks see the columns that were left out as if they were empty. */
async function putPolicy(registry: RegistryStore, issuer: string, policy: Columns): Promise<void> {
  const known = await registry.update("jwt_issuers", policy, [["issuer", "eq", issuer]]);
  if (known.length > 0) return;
  const added = await registry.insert("jwt_issuers", { issuer, ...policy }, "issuer");
  if (added.length === 0) throw changedMeanwhile(issuer);
}

function changedMeanwhile(issuer: string): RegistryError {
  return new RegistryError(
    "conflict",
    `The issuer "${issuer}" was changed at the same time; try again`,
  );
}

async function warningsAbout(registry: RegistryStore, issuer: Row, kid: string): Promise<string[]> {
  const name = text(issuer, "issuer");
  const warnings: string[] = [];
  if (texts(issuer, "allowed_roles").length === 0) {
    warnings.push(`Issuer "${name}" has no roles yet: its tokens are refused until some are named`);
  }
  if (!flag(issuer, "is_active")) {
    warnings.push(`Issuer "${name}" is deactivated: its tokens are refused until it is activated`);
  }
  const others = await registry.select("jwt_public_keys", {
    where: [["issuer", "eq", name], ["is_active", "eq", true], ["kid", "neq", kid]],
  });
  if (others.some((row) => row.not_after === null)) {
    warnings.push(
      `Issuer "${name}" has other keys, and they keep working: rotate or revoke what is no longer used`,
    );
  }
  return warnings;
}
