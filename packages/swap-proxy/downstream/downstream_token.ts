import type { MultiIssuerJwtClaims, VerifyResult } from "@countersign/verifier";
import type { DownstreamSigner } from "./downstream_signer.ts";

/** Most seconds that a downstream token lives. */
const LIFETIME = 30;
/** Seconds for which it is sent again with the same inbound token: two thirds of its life are left. */
const REUSE = 10;

interface Minted {
  readonly token: string;
  readonly role: string;
  readonly kid: string;
  readonly at: number;
}

/** Makes the downstream token; without a promise where it has one already. */
export type Minter = (verified: VerifyResult) => string | Promise<string>;

/**
 * Signs downstream tokens, and remembers the last one of each inbound token.
 *
 * The cache: keyed by the claims object of a verified token (which the verifier's cache keeps, and bounds),
 * so it holds nothing by itself; an entry serves for {@linkcode REUSE} seconds. Staleness permits nothing: the
 * inbound token has been verified again before it is asked, and role and key are compared.
 *
 * @param now Milliseconds since the epoch.
 */
export function createMinter(signer: DownstreamSigner, now: () => number): Minter {
  const minted = new WeakMap<MultiIssuerJwtClaims, Minted>();

  return (verified) => {
    const at = Math.floor(now() / 1000);
    const { role, claims, matchedKey: { kid } } = verified;
    const last = minted.get(claims);
    const reusable = last !== undefined && last.role === role && last.kid === kid &&
      at >= last.at && at < last.at + REUSE;
    return reusable ? last.token : mint(verified, at);
  };

  async function mint(verified: VerifyResult, at: number): Promise<string> {
    const token = await signer.sign(downstreamClaims(verified, at));
    const { role, claims, matchedKey: { kid } } = verified;
    minted.set(claims, { token, role, kid, at });
    return token;
  }
}

/**
 * The claims that PostgREST sees: the issuer's, with the role resolved, a short life, and the mark by which
 * the guard and the policies' functions know a countersigned token.
 *
 * @param nowSec Seconds since the epoch.
 */
export function downstreamClaims(
  { claims, role, matchedKey: { kid } }: VerifyResult,
  nowSec: number,
): Record<string, unknown> {
  return {
    ...claims,
    role,
    exp: Math.min(claims.exp, nowSec + LIFETIME),
    countersign: claims.jti === undefined ? { kid } : { kid, jti: claims.jti },
  };
}
