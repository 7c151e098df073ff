const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const INVALID = 255;

const VALUES = new Uint8Array(128).fill(INVALID);
for (let value = 0; value < ALPHABET.length; value++) VALUES[ALPHABET.charCodeAt(value)] = value;

/**
 * Decodes base64url as RFC 7515 §2 has it: no padding, no white space, no other alphabet.
 *
 * Non-zero trailing bits are refused as well (RFC 4648 §3.5), so that no two spellings stand for the same
 * bytes: a token can't be altered and stay valid.
 *
 * @returns The bytes, or `undefined` if the text is anything else.
 */
// The return type is inferred: TypeScript 5.6 (Deno 2.1.4) can't spell `Uint8Array<ArrayBuffer>`, and
// later versions need it.
export function decodeBase64url(text: string) {
  const bytes = new Uint8Array(Math.floor(text.length * 3 / 4));
  let buffer = 0;
  let bits = 0;
  let length = 0;
  for (let index = 0; index < text.length; index++) {
    const value = VALUES[text.charCodeAt(index)] ?? INVALID;
    if (value === INVALID) return undefined;
    buffer = (buffer << 6 | value) & 0xfff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[length++] = buffer >> bits;
    }
  }
  const spare = buffer & ((1 << bits) - 1);
  return bits === 6 || spare !== 0 ? undefined : bytes;
}

/** Encodes bytes as base64url without padding (RFC 7515 §2). */
export function encodeBase64url(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
