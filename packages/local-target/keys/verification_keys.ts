import { Buffer } from "node:buffer";
import { randomText } from "./keys.ts";

/** What a target signs its legacy keys with, and what PostgREST trusts. */
export interface VerificationKeys {
  /** The HS256 secret. */
  readonly secret: string;
  /** PostgREST's `jwt-secret`: the secret, or a JSON Web Key Set that holds it beside others. */
  readonly trusted: string;
}

/**
 * Reads the option `postgrest.jwtSecret`. A key set is trusted beside a secret of the target's own, because
 * the gateway turns API keys into tokens that PostgREST must accept.
 *
 * @param configured A secret, a JSON Web Key Set (RFC 7517 §5), or nothing.
 * @throws {TypeError} when a text that starts like JSON is no key set.
 * @throws {RangeError} when a secret is shorter than 32 bytes (RFC 7518 §3.2).
 */
export function verificationKeys(configured: string = randomText(30)): VerificationKeys {
  if (!configured.trimStart().startsWith("{")) {
    if (new TextEncoder().encode(configured).length < 32) {
      throw new RangeError("Expected postgrest.jwtSecret to have at least 32 bytes");
    }
    return { secret: configured, trusted: configured };
  }
  const secret = randomText(30);
  const own = { kty: "oct", alg: "HS256", k: Buffer.from(secret).toString("base64url") };
  return { secret, trusted: JSON.stringify({ keys: [own, ...keysOf(configured)] }) };
}

function keysOf(text: string): unknown[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // Without the cause: the parser quotes the text, which may be a private key.
  }
  if (
    typeof parsed === "object" && parsed !== null && "keys" in parsed && Array.isArray(parsed.keys)
  ) return parsed.keys;
  throw new TypeError('Expected postgrest.jwtSecret to be a secret or a JSON object with "keys"');
}
