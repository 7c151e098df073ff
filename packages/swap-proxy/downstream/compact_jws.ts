import { base64urlOfBinary, base64urlOfBytes } from "./base64url.ts";

const encoder = new TextEncoder();

/** Parameters of a WebCrypto signature. */
export type SignParams = Parameters<SubtleCrypto["sign"]>[0];

/** The protected header's segment, made once per key. */
export function headerSegment(header: Readonly<Record<string, string>>): string {
  return base64urlOfBinary(JSON.stringify(header));
}

/**
 * JWS compact serialization (RFC 7515 §7.1). WebCrypto's ECDSA signatures are already the plain r ‖ s
 * that RFC 7518 §3.4 wants.
 */
export async function compactJws(
  header: string,
  claims: Readonly<Record<string, unknown>>,
  params: SignParams,
  key: CryptoKey,
): Promise<string> {
  const input = `${header}.${base64urlOfBinary(asciiJson(claims))}`;
  const signature = await crypto.subtle.sign(params, key, encoder.encode(input));
  return `${input}.${base64urlOfBytes(new Uint8Array(signature))}`;
}

/** JSON with every character above U+007F as an escape: the same value, and its UTF-8 is its characters. */
function asciiJson(claims: Readonly<Record<string, unknown>>): string {
  const json = JSON.stringify(claims);
  // deno-lint-ignore no-control-regex -- "not ASCII" has no other spelling
  return /[^\x00-\x7f]/.test(json) ? json.replace(/[^\x00-\x7f]/g, escapeUnit) : json;
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
