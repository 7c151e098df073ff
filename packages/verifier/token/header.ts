import { isAlgorithm } from "../key/algorithms.ts";
import { JwtVerificationError } from "../errors.ts";
import type { JsonObject } from "./strict_json.ts";
import type { Algorithm } from "../types.ts";

/** What a header may say about the key (RFC 7515 §4.1). */
export interface ProtectedHeader {
  readonly alg: Algorithm;
  readonly kid: string | undefined;
}

const REFUSED_MEMBERS: readonly string[] = [
  // We understand no extension, so none can be critical (RFC 7515 §4.1.11); `b64` is one (RFC 7797).
  "crit",
  "b64",
  // The key comes from the registry, never from the token or from where it points (RFC 8725 §3.10).
  "jwk",
  "jku",
  "x5u",
  "x5c",
];

/**
 * Media types of a token that is meant for an API: a plain JWT (RFC 7519 §5.1) or an access token
 * (RFC 9068 §2.1), in any case and with or without `application/` (RFC 7515 §4.1.9). Any other kind of JWT is
 * for somebody else (RFC 8725 §3.11).
 */
const ALLOWED_TYPES: readonly string[] = [
  "jwt",
  "at+jwt",
  "application/jwt",
  "application/at+jwt",
];

/**
 * Reads a protected header.
 *
 * @throws {JwtVerificationError} `malformed`, `header_not_allowed`.
 */
export function readHeader(header: JsonObject): ProtectedHeader {
  const { alg, kid, typ } = header;
  if (REFUSED_MEMBERS.some((name) => Object.hasOwn(header, name))) {
    throw new JwtVerificationError(
      "header_not_allowed",
      `Expected a header without ${REFUSED_MEMBERS.join(", ")}`,
    );
  }
  if (typ !== undefined && !(typeof typ === "string" && ALLOWED_TYPES.includes(lowerCase(typ)))) {
    throw new JwtVerificationError(
      "header_not_allowed",
      'Expected the header\'s "typ" to be absent, "JWT" or "at+jwt"',
    );
  }
  if (!isAlgorithm(alg)) {
    throw new JwtVerificationError(
      "header_not_allowed",
      'Expected the header\'s "alg" to be an algorithm that a key can be registered for',
    );
  }
  if (kid !== undefined && typeof kid !== "string") {
    throw new JwtVerificationError("malformed", 'Expected the header\'s "kid" to be a string');
  }
  return { alg, kid };
}

/** ASCII only: U+212A (Kelvin sign) is no k. */
function lowerCase(mediaType: string): string {
  return mediaType.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
