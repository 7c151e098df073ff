import { base64url } from "jose";
import { algorithmFor, importParams } from "./algorithms.ts";
import { SignerError } from "../errors.ts";
import { keyTypeOfDer, keyTypeOfJwk } from "./key_type.ts";
import type { Algorithm, Jwk } from "../types.ts";

/** The members of a JWK that the public key consists of. */
export const PUBLIC_MEMBERS = ["kty", "crv", "n", "e", "x", "y"] as const;
type Member = typeof PUBLIC_MEMBERS[number] | "d" | "p" | "q" | "dp" | "dq" | "qi";

/** The named members alone, so that nothing else in a JWK has a say in how a runtime imports it. */
export function pickMembers(jwk: Jwk, names: readonly Member[]): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = jwk[name];
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}

/** Imports the public part of a JWK; whatever else the JWK holds is left out. */
export async function importPublicJwk(
  jwk: Jwk,
  algorithm: Algorithm = algorithmFor(keyTypeOfJwk(jwk), undefined),
): Promise<CryptoKey> {
  const params = importParams(algorithm);
  const members = pickMembers(jwk, PUBLIC_MEMBERS);
  try {
    const key = await crypto.subtle.importKey("jwk", members, params, true, ["verify"]);
    // Deno imports a point that is not on its curve, and notices when it writes it down.
    await crypto.subtle.exportKey("spki", key);
    return key;
  } catch {
    throw new SignerError("invalid_key", "JWK is damaged, expected all of its public members");
  }
}

/** base64url(SHA-256(SPKI DER)) of an extractable public key. */
export async function idOfPublicKey(key: CryptoKey): Promise<string> {
  const spki = await crypto.subtle.exportKey("spki", key);
  keyTypeOfDer(new Uint8Array(spki), "spki");
  return await sha256(spki);
}

/**
 * base64url(SHA-256(der)) of an SPKI key.
 *
 * One key has one id: an encoding that differs from the one every other holder of the key computes the id
 * from (a compressed point, say) is refused.
 */
export async function idOfSpki(der: Uint8Array<ArrayBuffer>): Promise<string> {
  const params = importParams(algorithmFor(keyTypeOfDer(der, "spki"), undefined));
  const id = await sha256(der);
  try {
    const key = await crypto.subtle.importKey("spki", der, params, true, ["verify"]);
    if (await sha256(await crypto.subtle.exportKey("spki", key)) === id) return id;
  } catch {
    // Refused below.
  }
  throw new SignerError(
    "invalid_key",
    "Public key is damaged or oddly encoded; encode it again with: openssl pkey -pubin -in key.pub -out key.spki.pub -ec_conv_form uncompressed",
  );
}

async function sha256(data: BufferSource): Promise<string> {
  return base64url.encode(new Uint8Array(await crypto.subtle.digest("SHA-256", data)));
}
