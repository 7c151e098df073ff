/** base64url without padding (RFC 7515 §2) of a string whose characters are all below U+0100. */
export function base64urlOfBinary(binary: string): string {
  return btoa(binary).replace(/[+/=]/g, urlSafe);
}

/** base64url without padding of bytes. */
export function base64urlOfBytes(bytes: Uint8Array): string {
  return base64urlOfBinary(String.fromCharCode(...bytes));
}

function urlSafe(character: string): string {
  return character === "+" ? "-" : character === "/" ? "_" : "";
}
