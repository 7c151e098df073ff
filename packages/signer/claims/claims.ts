import { SignerError } from "../errors.ts";
import { isPlainObject, isPostgresText, plainJson } from "./plain_json.ts";
import type { SignClaims } from "../types.ts";

/** The longest name that a target's registry can hold, in UTF-16 units. */
const MAX_NAME_LENGTH = 255;

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
  const { issuer, audience, claims: given } = content;
  const iat = secondsOf(epochMs);
  const exp = iat + lifetime;
  checkIssuer(issuer);
  if (!isPlainObject(given)) {
    throw new SignerError("invalid_claims", 'Claims are not valid, expected an object with "sub"');
  }
  checkReserved(given, issuer);
  const claims: Readonly<Record<string, unknown>> = { ...plainJson(given) as object };
  checkTypes(claims, exp);
  const aud = audienceOf(claims.aud, Array.isArray(audience) ? [...audience] : audience);
  return { ...claims, ...(aud === undefined ? {} : { aud }), iss: issuer, iat, exp };
}

/** RFC 7519 §2: NumericDate. */
function secondsOf(epochMs: number): number {
  if (Number.isFinite(epochMs) && epochMs >= 0) return Math.floor(epochMs / 1000);
  throw new RangeError("Clock is not valid, expected now() to return milliseconds since the epoch");
}

/** A stray line break from an environment variable would make every token unknown to its target. */
function checkIssuer(issuer: unknown): void {
  if (isName(issuer) && issuer.trim() === issuer) return;
  throw new SignerError(
    "invalid_issuer",
    `Issuer is not valid, expected the registered name: 1 to ${MAX_NAME_LENGTH} characters, no control character, no white space around it`,
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
  // The mark of a token that a target has countersigned. No target takes it from an issuer.
  if (Object.hasOwn(claims, "countersign")) {
    throw new SignerError("reserved_claim", 'Claim "countersign" is the target\'s; leave it out');
  }
  if (Object.hasOwn(claims, "iss") && claims.iss !== issuer) {
    throw new SignerError("reserved_claim", 'Claim "iss" contradicts "issuer"; leave it out');
  }
}

function checkTypes(claims: Readonly<Record<string, unknown>>, expiresAt: number): void {
  const { sub, jti, role, nbf } = claims;
  if (!isName(sub)) throw notName("sub");
  if (jti !== undefined && !isName(jti)) throw notName("jti");
  if (role !== undefined && !isName(role)) throw notName("role");
  if (nbf === undefined) return;
  if (typeof nbf !== "number" || !Number.isSafeInteger(nbf) || nbf < 0 || nbf >= expiresAt) {
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

function notName(name: string): SignerError {
  return new SignerError(
    "invalid_claims",
    `Claim "${name}" is not valid, expected a string of 1 to ${MAX_NAME_LENGTH} characters without control characters`,
  );
}

/** What a target's registry and logs can hold of a name: every target refuses another one. */
function isName(value: unknown): value is string {
  return isText(value) && value.length <= MAX_NAME_LENGTH &&
    // deno-lint-ignore no-control-regex -- finding them is the purpose
    !/[\u0000-\u001f\u007f-\u009f]/.test(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "" && isPostgresText(value);
}
