import { type RegisteredPolicy, registeredPolicy } from "./policy.ts";
import {
  flag,
  instant,
  type PublicKeyRow,
  publicKeyRow,
  type RegisteredKey,
  registeredKey,
  text,
} from "../store/rows.ts";
import { withRegistry } from "../store/with_registry.ts";
import type { RegistryTarget } from "../target.ts";

/** An issuer with its policy and all its keys. */
export interface IssuerSummary {
  /** The `iss` of its tokens. */
  readonly issuer: string;
  /** `false`: every one of its tokens is rejected. */
  readonly isActive: boolean;
  /** What its tokens may claim. */
  readonly policy: RegisteredPolicy;
  /** Every key it ever had, the oldest first. */
  readonly keys: readonly RegisteredKey[];
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** ISO 8601, UTC: when the issuer's own row last changed. */
  readonly updatedAt: string;
}

/**
 * Lists every registered key, including revoked ones, by issuer and then by age.
 *
 * @throws {RegistryError} `not_authorized`, `schema_missing`, `unreachable`.
 *
 * @see {@linkcode deactivateIssuer} for an example
 */
export function listPublicKeys(target: RegistryTarget): Promise<PublicKeyRow[]>;
/** The same, with the target as two arguments. */
export function listPublicKeys(
  supabaseUrl: string,
  serviceRoleKey: string,
): Promise<PublicKeyRow[]>;
export async function listPublicKeys(
  ...args: [RegistryTarget] | [string, string]
): Promise<PublicKeyRow[]> {
  const target = args.length === 2 ? { supabaseUrl: args[0], serviceRoleKey: args[1] } : args[0];
  return await withRegistry(target, async (registry) => {
    const issuers = await registry.select("jwt_issuers", { order: ["issuer"] });
    const keys = await registry.select("jwt_public_keys", { order: ["created_at", "kid"] });
    const active = new Set(
      issuers.filter((row) => flag(row, "is_active")).map((row) => row.issuer),
    );
    return keys.map((row) => publicKeyRow(row, active.has(row.issuer)))
      .sort((a, b) => byName(a.issuer, b.issuer));
  });
}

/**
 * Lists the issuers, each with its policy and its keys.
 *
 * @param options.now The time in milliseconds since the epoch, which decides a key's state. Default: `Date.now`.
 * @throws {RegistryError} `not_authorized`, `schema_missing`, `unreachable`.
 *
 * @example See what state the keys are in
 * ```ts
 * import { listIssuers, registerPublicKey } from "@countersign/registry-admin";
 * import { startLocalTarget } from "@countersign/local-target";
 * import { generateIssuerKeyPair } from "@countersign/signer";
 * import assert from "node:assert/strict";
 *
 * await using target = await startLocalTarget({ function: false });
 * const { publicKey } = await generateIssuerKeyPair();
 * const project = { supabaseUrl: target.url, serviceRoleKey: target.secretKey };
 * await registerPublicKey({ ...project, issuer: "billing", publicKey });
 *
 * const [billing] = await listIssuers(project);
 * assert.deepEqual(billing?.keys.map((key) => key.state), ["current"]);
 * ```
 */
export async function listIssuers(
  target: RegistryTarget,
  options: { readonly now?: () => number } = {},
): Promise<IssuerSummary[]> {
  const now = (options.now ?? Date.now)();
  return await withRegistry(target, async (registry) => {
    const issuers = await registry.select("jwt_issuers", { order: ["issuer"] });
    const views = await registry.select("jwt_issuer_policies", { order: ["issuer"] });
    const keys = await registry.select("jwt_public_keys", { order: ["created_at", "kid"] });
    const policies = new Map(views.map((row) => [row.issuer, row]));
    return issuers.flatMap((row): IssuerSummary[] => {
      const view = policies.get(row.issuer);
      // Over REST the three reads are not one snapshot: an issuer can appear in between.
      if (view === undefined) return [];
      const isActive = flag(row, "is_active");
      return [{
        issuer: text(row, "issuer"),
        isActive,
        policy: registeredPolicy(row, view),
        keys: keys.filter((key) => key.issuer === row.issuer)
          .map((key) => registeredKey(key, isActive, now)),
        createdAt: instant(row, "created_at"),
        updatedAt: instant(row, "updated_at"),
      }];
    }).sort((a, b) => byName(a.issuer, b.issuer));
  });
}

/** By code unit: the databases' collations differ, and both ways must give the same order. */
function byName(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
