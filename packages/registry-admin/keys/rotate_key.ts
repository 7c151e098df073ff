import type { Algorithm } from "@countersign/verifier";
import { RegistryError } from "../errors.ts";
import { checkedKey } from "./checked_key.ts";
import { issuerNotFound } from "../issuers/issuer_not_found.ts";
import { findRow } from "../store/registry_store.ts";
import { flag, type PublicKeyRow, publicKeyRow } from "../store/rows.ts";
import { ownKey } from "./key_rows.ts";
import { withRegistry } from "../store/with_registry.ts";
import type { RegistryTarget } from "../target.ts";

const DEFAULT_OVERLAP_S = 3600;

/** A new key for an issuer that is registered already. */
export interface KeyRotation {
  /** The issuer, which keeps its name. */
  readonly issuer: string;
  /** The new key, SPKI PEM. */
  readonly publicKey: string;
  /** Default: RS256 for an RSA key, ES256 for P-256, ES384 for P-384, EdDSA for Ed25519. */
  readonly algorithm?: Algorithm;
  /** Seconds for which the old keys keep working. Default: 3600. */
  readonly overlap?: number;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** What to rotate, and where. */
export type RotateOptions = KeyRotation & RegistryTarget;

/** The outcome of a rotation. */
export interface RotationResult {
  /** The new key. */
  readonly key: PublicKeyRow;
  /** The old keys that now end when the overlap does. Those that end sooner keep their end. */
  readonly retiring: readonly PublicKeyRow[];
}

/**
 * Gives an issuer a new key at once, and its old ones an end.
 *
 * The issuer keeps its name and its policy; both keys verify during the overlap. Repeating a rotation never
 * prolongs it. Of rotations at the same time one wins, and the others throw `conflict`. Rotating back to an old key that has not been revoked makes that key the lasting one again.
 *
 * **Does not** revoke anything: a key that leaked belongs to {@linkcode revokeKey}. Standby keys, whose time
 * has not come, are left alone.
 *
 * @returns The new key, and the old ones with their end.
 * @throws {RegistryError} `issuer_not_found`, `invalid_public_key`, `invalid_argument`, `key_belongs_to_another_issuer`, `key_revoked`,
 * `conflict`, `not_authorized`, `schema_missing`, `unreachable`.
 *
 * @example Change the key of an issuer within ten minutes
 * ```ts
 * import { registerPublicKey, rotateKey } from "@countersign/registry-admin";
 * import { startLocalTarget } from "@countersign/local-target";
 * import { generateIssuerKeyPair } from "@countersign/signer";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({ function: false });
 * const { publicKey, kid } = await generateIssuerKeyPair();
 * const project = { supabaseUrl: target.url, serviceRoleKey: target.secretKey };
 * await registerPublicKey({ ...project, issuer: "billing", publicKey });
 *
 * const next = await generateIssuerKeyPair();
 * const { key, retiring } = await rotateKey({
 *   ...project,
 *   issuer: "billing",
 *   publicKey: next.publicKey,
 *   overlap: 600,
 * });
 * assert.equal(key.kid, next.kid);
 * assert.deepEqual(retiring.map((old) => old.kid), [kid]);
 * ```
 */
export async function rotateKey(options: RotateOptions): Promise<RotationResult> {
  const { issuer, overlap = DEFAULT_OVERLAP_S, now = Date.now } = options;
  if (!Number.isSafeInteger(overlap) || overlap < 0) {
    throw new RegistryError("invalid_argument", "Expected overlap to be a whole number of seconds");
  }
  const key = await checkedKey(options.publicKey, options.algorithm);
  const start = new Date(now()).toISOString();
  const end = new Date(now() + overlap * 1000).toISOString();

  return await withRegistry(options, async (registry) => {
    const record = await findRow(registry, "jwt_issuers", "issuer", issuer);
    if (record === undefined) throw issuerNotFound(issuer, registry);
    await ownKey(registry, issuer, key);

    const { key: stored, retiring } = await registry.rotateKey({
      issuer,
      public_key: key.publicKey,
      algorithm: key.algorithm,
      retire_at: end,
      at: start,
    });
    const active = flag(record, "is_active");
    return {
      key: publicKeyRow(stored, active),
      retiring: retiring.map((row) => publicKeyRow(row, active)),
    };
  });
}
