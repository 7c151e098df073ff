import { compactJws, headerSegment } from "./compact_jws.ts";
import type { DownstreamSigner } from "./downstream_signer.ts";
import { ConfigurationError } from "../errors.ts";

const header = headerSegment({ alg: "HS256", typ: "JWT" });

/**
 * Signs with the target's legacy JWT secret (HS256, RFC 7518 §3.2). The token has no `kid`: Supabase
 * would look a `kid` up among its asymmetric keys and refuse the token.
 *
 * @param secret The project's JWT secret, at least 32 bytes: in UTF-8, or as bytes where PostgREST has `jwt-secret-is-base64`.
 * @returns A signer that imports the secret once.
 * @throws {ConfigurationError} The secret is shorter than HMAC-SHA-256 may use (RFC 7518 §3.2).
 *
 * @example Sign claims
 * ```ts
 * import { hs256Signer } from "@countersign/swap-proxy";
 * import assert from "node:assert/strict";
 *
 * const signer = hs256Signer("a secret of at least thirty-two bytes");
 * const token = await signer.sign({ role: "widgets_writer", exp: 1_900_000_000 });
 * assert.equal(token.split(".").length, 3);
 * ```
 */
export function hs256Signer(secret: string | Uint8Array): DownstreamSigner {
  // Copied: TypeScript 5.6 (Deno 2.1.4) and later ones agree on nothing else to import.
  const bytes = typeof secret === "string"
    ? new TextEncoder().encode(secret)
    : Uint8Array.from(secret);
  if (bytes.byteLength < 32) {
    throw new ConfigurationError([{
      name: "supabaseJwtSecret",
      message:
        "The JWT secret must have at least 32 bytes; copy it from the project's API settings",
    }]);
  }
  let key: Promise<CryptoKey> | undefined;
  return {
    async sign(claims) {
      key ??= crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, [
        "sign",
      ]);
      return compactJws(header, claims, "HMAC", await key);
    },
  };
}
