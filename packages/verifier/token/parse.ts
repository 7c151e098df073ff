import { decodeBase64url } from "../encoding/base64url.ts";
import { JwtVerificationError } from "../errors.ts";
import { type ProtectedHeader, readHeader } from "./header.ts";
import { type JsonObject, parseJsonObject } from "./strict_json.ts";

/** The longest token that is looked at, in characters: what servers commonly take as one header. */
export const MAX_TOKEN_LENGTH = 8192;

/** The three segments of a JWS in compact serialization (RFC 7515 §7.1), decoded. */
export interface Segments {
  readonly header: Uint8Array;
  readonly payload: Uint8Array;
  readonly signature: BufferSource;
  /** What the signature is over. */
  readonly signingInput: string;
}

/** A token that is well-formed. Nothing in it is to be believed. */
export interface ParsedToken {
  readonly header: ProtectedHeader;
  readonly claims: JsonObject;
  readonly signature: BufferSource;
  readonly signingInput: string;
}

/**
 * Splits a token into exactly three non-empty segments of canonical base64url.
 *
 * @throws {JwtVerificationError} `malformed`, `token_too_large`.
 */
export function splitToken(token: string): Segments {
  if (typeof token !== "string") {
    throw new JwtVerificationError("malformed", "Expected the token to be a string");
  }
  if (token.length > MAX_TOKEN_LENGTH) {
    throw new JwtVerificationError(
      "token_too_large",
      `Expected a token of at most ${MAX_TOKEN_LENGTH} characters`,
    );
  }
  const [header, payload, signature, ...more] = token.split(".", 4).map(decodeSegment);
  if (!header || !payload || !signature || more.length > 0) {
    throw new JwtVerificationError(
      "malformed",
      "Expected three segments of base64url without padding, separated by dots",
    );
  }
  return { header, payload, signature, signingInput: token.slice(0, token.lastIndexOf(".")) };
}

/**
 * Reads header and payload as strict JSON objects, and refuses a header that asks for anything but a plain
 * signature by a registered key.
 *
 * @throws {JwtVerificationError} `malformed`, `header_not_allowed`.
 */
export function parseToken(segments: Segments): ParsedToken {
  const { header, payload, signature, signingInput } = segments;
  return {
    header: readHeader(parseJsonObject(header)),
    claims: parseJsonObject(payload),
    signature,
    signingInput,
  };
}

function decodeSegment(segment: string) {
  return segment === "" ? undefined : decodeBase64url(segment);
}
