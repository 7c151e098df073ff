import { CompactSign } from "jose";
import { checkMembers } from "./checked_members.ts";
import { claimsSet, type TokenContent } from "./claims/claims.ts";
import { durationSeconds } from "./claims/duration.ts";
import { SignerError } from "./errors.ts";
import { keyImporter, type SigningKey } from "./key/private_key.ts";
import type { SignOptions } from "./types.ts";

/** Used where `expiresIn` is left out: long enough for one request. */
export const DEFAULT_LIFETIME = "60s";

/** What every way of signing reads. */
export const SIGN_MEMBERS = [
  "privateKey",
  "issuer",
  "audience",
  "claims",
  "expiresIn",
  "algorithm",
  "kid",
  "now",
] as const satisfies (keyof SignOptions)[];

// What targets accept.
const LONGEST_TOKEN = 8192;

const encoder = new TextEncoder();

/**
 * Signs one token for one request (RFC 7519, RFC 7515 §7.1).
 *
 * `iss`, `iat` and `exp` are always the signer's: claims that say otherwise are refused, not overwritten. The
 * header names `alg`, `kid` and `typ`; `jti` is a random UUID unless the claims bring one.
 *
 * The key is imported on every call and nothing of it is kept. To sign more than once with a key, use
 * {@linkcode createTokenSource}.
 *
 * **Does not** know the target's policy: a role, claim or lifetime that the target forbids is signed here and
 * refused there.
 *
 * @param options The key, the issuer, the claims and the lifetime.
 * @returns The token in compact serialization.
 * @throws {SignerError} With the code of what is wrong with the key, a claim or an option.
 * @throws {TypeError} When the private key is neither text, nor a JWK, nor a `CryptoKey`, or there is an option that
 * does not exist.
 * @throws {RangeError} When the clock does not return milliseconds since the epoch.
 *
 * @example Sign a token for the next request
 * ```ts
 * import { generateIssuerKeyPair, signMultiIssuerJwt } from "@countersign/signer";
 * import assert from "node:assert/strict";
 *
 * const { privateKey } = await generateIssuerKeyPair();
 *
 * const token = await signMultiIssuerJwt({
 *   privateKey,
 *   issuer: "my-service",
 *   audience: "prod-abc123",
 *   claims: { sub: "depot-42", role: "widgets_writer" },
 *   expiresIn: "60s",
 * });
 * assert.equal(token.split(".").length, 3);
 * ```
 */
export async function signMultiIssuerJwt(options: SignOptions): Promise<string> {
  checkMembers(options, SIGN_MEMBERS);
  const lifetime = durationSeconds(options.expiresIn ?? DEFAULT_LIFETIME);
  const { now = Date.now } = options;
  const key = await keyImporter(options)();
  return await signToken(key, options, now(), lifetime);
}

/** Signs a token issued at `epochMs`, good for `lifetime` seconds. */
export async function signToken(
  { key, algorithm, kid }: SigningKey,
  content: TokenContent,
  epochMs: number,
  lifetime: number,
): Promise<string> {
  const payload = encoder.encode(claimsSet(content, epochMs, lifetime));
  const token = await new CompactSign(payload)
    .setProtectedHeader({ alg: algorithm, ...(kid === undefined ? {} : { kid }), typ: "JWT" })
    .sign(key)
    .catch(() => {
      throw new SignerError("invalid_key", "Private key cannot sign, it is damaged");
    });
  if (token.length <= LONGEST_TOKEN) return token;
  throw new SignerError(
    "token_too_large",
    `Token has ${token.length} bytes, expected ${LONGEST_TOKEN} at most; put less into the claims`,
  );
}
