import { SignerError } from "../errors.ts";
import { assertJson, isPlainObject, isPostgresText } from "./plain_json.ts";
import type { SignClaims } from "../types.ts";

/** What a token says, but for its times. */
export interface TokenContent {
  readonly issuer: string;
  readonly audience?: string | readonly string[] | undefined;
  readonly claims: SignClaims;
}

/** The claims set of a token as JSON (RFC 7519 §4): issued at `epochMs`, good for `lifetime` seconds. */
export function claimsSet(content: TokenContent, epochMs: number, lifetime: number): string {
  return JSON.stringify({
    jti: crypto.randomUUID(),
    ...checkedClaims(content, epochMs, lifetime),
  });
}

/** The same without an id of its own: outside a request, Workers refuse to give random values. */
export function checkedClaims(
  content: TokenContent,
  epochMs: number,
  lifetime: number,
): Readonly<Record<string, unknown>> {
  const { issuer, audience, claims } = content;
  const iat = secondsOf(epochMs);
  const exp = iat + lifetime;
  checkIssuer(issuer);
  if (!isPlainObject(claims)) {
    throw new SignerError("invalid_claims", 'Claims are not valid, expected an object with "sub"');
  }
  checkReserved(claims, issuer);
  assertJson(claims);
  checkTypes(claims, exp);
  const aud = audienceOf(claims.aud, audience);
  return { ...claims, ...(aud === undefined ? {} : { aud }), iss: issuer, iat, exp };
}

/** RFC 7519 §2: NumericDate. */
function secondsOf(epochMs: number): number {
  if (Number.isFinite(epochMs) && epochMs >= 0) return Math.floor(epochMs / 1000);
  throw new RangeError("Clock is not valid, expected now() to return milliseconds since the epoch");
}

/** A stray line break from an environment variable would make every token unknown to its target. */
function checkIssuer(issuer: unknown): void {
  if (isText(issuer) && issuer.trim() === issuer) return;
  throw new SignerError(
    "invalid_issuer",
    "Issuer is not valid, expected the registered name: not empty, no white space around it",
  );
}

function checkReserved(claims: SignClaims, issuer: string): void {
  for (const name of ["iat", "exp"]) {
    if (Object.hasOwn(claims, name)) {
      throw new SignerError(
        "reserved_claim",
        `Claim "${name}" is set by the signer; leave it out and use "expiresIn" for the lifetime`,
      );
    }
  }
  if (Object.hasOwn(claims, "iss") && claims.iss !== issuer) {
    throw new SignerError("reserved_claim", 'Claim "iss" contradicts "issuer"; leave it out');
  }
}

function checkTypes({ sub, jti, role, nbf }: SignClaims, expiresAt: number): void {
  if (!isText(sub)) throw notText("sub");
  if (jti !== undefined && !isText(jti)) throw notText("jti");
  if (role !== undefined && !isText(role)) throw notText("role");
  if (nbf === undefined) return;
  if (!Number.isSafeInteger(nbf) || nbf < 0 || nbf >= expiresAt) {
    throw new SignerError(
      "invalid_claims",
      'Claim "nbf" is not valid, expected whole seconds since the epoch, before the token expires',
    );
  }
}

function audienceOf(
  claimed: unknown,
  audience: string | readonly string[] | undefined,
): string | readonly string[] | undefined {
  const aud = audience ?? claimed;
  if (aud === undefined) return undefined;
  const valid = isText(aud) || (Array.isArray(aud) && aud.length > 0 && aud.every(isText));
  if (!valid) {
    throw new SignerError(
      "invalid_audience",
      "Audience is not valid, expected a name or a list of names, none of them empty",
    );
  }
  if (claimed !== undefined && JSON.stringify(claimed) !== JSON.stringify(aud)) {
    throw new SignerError(
      "invalid_audience",
      'Claim "aud" contradicts "audience"; leave one of them out',
    );
  }
  return aud;
}

function notText(name: string): SignerError {
  return new SignerError(
    "invalid_claims",
    `Claim "${name}" is not valid, expected a string that is not empty`,
  );
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "" && isPostgresText(value);
}
