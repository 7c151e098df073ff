import { RegistryError } from "../errors.ts";
import type { CheckedKey } from "./checked_key.ts";
import { type Columns, findRow, type RegistryStore, type Row } from "../store/registry_store.ts";
import { text } from "../store/rows.ts";

/**
 * Finds a key that may be registered for this issuer because it already is.
 *
 * The error does not name the other issuer: permission to register does not include reading every issuer.
 *
 * @returns The row, or `undefined` if the key is not registered.
 * @throws {RegistryError} `key_belongs_to_another_issuer`, `key_revoked`, or `conflict` when it is registered with
 * another algorithm.
 */
export async function ownKey(
  registry: RegistryStore,
  issuer: string,
  { kid, algorithm }: CheckedKey,
): Promise<Row | undefined> {
  const row = await findRow(registry, "jwt_public_keys", "kid", kid);
  if (row === undefined) return undefined;
  if (row.issuer !== issuer) {
    throw new RegistryError(
      "key_belongs_to_another_issuer",
      "Expected a separate key for every issuer; this one is registered for another: generate a new pair",
    );
  }
  if (row.is_active !== true) {
    throw new RegistryError(
      "key_revoked",
      `The key "${kid}" was revoked; register another one, or reactivate it with activateKey`,
    );
  }
  if (row.algorithm !== algorithm) {
    throw new RegistryError(
      "conflict",
      `The key is registered for ${
        text(row, "algorithm")
      }, not ${algorithm}; a key keeps its algorithm`,
    );
  }
  return row;
}

/** Stores a key and the times that were given. A key that is there already keeps the times that were not. */
export async function putKey(
  registry: RegistryStore,
  issuer: string,
  key: CheckedKey,
  times: Columns,
): Promise<Row> {
  const { kid, algorithm, publicKey } = key;
  const [inserted] = await registry.insert("jwt_public_keys", {
    issuer,
    public_key: publicKey,
    algorithm,
    ...times,
  }, "kid");
  if (inserted !== undefined) return inserted;

  const existing = await ownKey(registry, issuer, key);
  if (existing !== undefined && Object.keys(times).length === 0) return existing;
  // Only while it is still trusted: a revocation that came in between has the last word.
  const [updated] = await registry.update("jwt_public_keys", times, [
    ["kid", "eq", kid],
    ["issuer", "eq", issuer],
    ["is_active", "eq", true],
  ]);
  if (updated === undefined) {
    throw new RegistryError("conflict", `The key "${kid}" was changed at the same time; try again`);
  }
  return updated;
}
