import type { SealKey } from "@countersign/verifier";
import { base64urlOfBytes } from "./base64url.ts";
import { canonicalJson } from "./canonical_json.ts";

const encoder = new TextEncoder();

/** Keyed by the key's object, which its source keeps for as long as the key is the same. */
const imported = new WeakMap<SealKey, Promise<CryptoKey>>();

/**
 * The seal over claims: the key's id, a dot, and the base64url of HMAC-SHA-256 over their canonical form
 * (RFC 2104, and {@linkcode canonicalJson}).
 *
 * Whoever holds another key that PostgREST trusts can sign any claims, but can't seal them: the key is in the
 * database, and in the memory of who may read the registry.
 *
 * @param claims The payload, complete but for the seal itself.
 * @throws {TypeError} The claims are not JSON that Postgres can hold.
 */
export async function sealOf(
  claims: Readonly<Record<string, unknown>>,
  sealKey: SealKey,
): Promise<string> {
  const canonical = encoder.encode(canonicalJson(claims));
  const mac = await crypto.subtle.sign("HMAC", await keyOf(sealKey), canonical);
  return `${sealKey.id}.${base64urlOfBytes(new Uint8Array(mac))}`;
}

function keyOf(sealKey: SealKey): Promise<CryptoKey> {
  let key = imported.get(sealKey);
  if (key === undefined) {
    const jwk = { kty: "oct", k: sealKey.secret };
    key = crypto.subtle.importKey("jwk", jwk, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    imported.set(sealKey, key);
  }
  return key;
}
