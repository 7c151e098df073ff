import { JwtVerificationError } from "../../errors.ts";
import { decodeBase64url } from "../../encoding/base64url.ts";
import type { SealKey } from "../../types.ts";

/** Bytes of a key for HMAC-SHA-256 (RFC 2104 §3: no fewer than the hash has). */
const SECRET_BYTES = 32;

/**
 * Reads a row of the view `jwt_seal_keys`, from PostgREST or from a Postgres driver.
 *
 * Columns that it does not know are ignored.
 *
 * @param row The row, with `id` and `secret`.
 * @returns The key.
 * @throws {JwtVerificationError} `registry_unavailable`, without anything of the key.
 *
 * @example Refusing a key that is too short
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseSealKeyRow } from "@countersign/verifier";
 *
 * assert.throws(() => parseSealKeyRow({ id: "1", secret: "c2hvcnQ" }), { code: "registry_unavailable" });
 * ```
 */
export function parseSealKeyRow(row: unknown): SealKey {
  if (typeof row === "object" && row !== null) {
    const id: unknown = Reflect.get(row, "id");
    const secret: unknown = Reflect.get(row, "secret");
    if (
      typeof id === "string" && /^[A-Za-z0-9_-]{1,64}$/.test(id) &&
      typeof secret === "string" && decodeBase64url(secret)?.length === SECRET_BYTES
    ) return { id, secret };
  }
  throw new JwtVerificationError(
    "registry_unavailable",
    'Expected a row of "jwt_seal_keys" to hold an id and 32 bytes in base64url: apply the migrations of this version',
  );
}
