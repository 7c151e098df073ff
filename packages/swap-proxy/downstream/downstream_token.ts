import type { KeySource, MultiIssuerJwtClaims, SealKey, VerifyResult } from "@countersign/verifier";
import type { DownstreamSigner } from "./downstream_signer.ts";
import { sealed } from "./sealed_claims.ts";

/** Most seconds that a downstream token lives, and a probe's. */
export const DOWNSTREAM_LIFETIME = 30;
/** Seconds for which it is sent again with the same inbound token: two thirds of its life are left. */
const REUSE = 10;
/** Seconds that a downstream token lives at least when it is handed out, unless the inbound one ends before. */
export const LEAST_LIFETIME = DOWNSTREAM_LIFETIME - REUSE;

interface Minted {
  readonly token: string;
  readonly role: string;
  readonly kid: string;
  readonly sealKey: SealKey | undefined;
  readonly at: number;
}

/** What downstream tokens are made with. */
export interface MinterOptions {
  readonly signer: DownstreamSigner;
  /** Hands out the key that seals them. */
  readonly keySource: KeySource;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Makes the downstream token; without a promise where it has one already. */
export type Minter = (verified: VerifyResult) => string | Promise<string>;

/**
 * Seals and signs downstream tokens, and remembers the last one of each inbound token.
 *
 * The cache: keyed by the claims object of a verified token (which the verifier's cache keeps, and bounds),
 * so it holds nothing by itself; an entry serves for {@linkcode REUSE} seconds. Staleness permits nothing: the
 * inbound token has been verified again before it is asked, and role, key and seal's key are compared.
 *
 * @throws {SwapProxyError} From the minter: `seal_key_missing`.
 */
export function createMinter({ signer, keySource, now }: MinterOptions): Minter {
  const minted = new WeakMap<MultiIssuerJwtClaims, Minted>();

  return (verified) => {
    const sealKey = keySource.sealKey?.();
    return sealKey instanceof Promise
      ? sealKey.then((sealKey) => tokenOf(verified, sealKey))
      : tokenOf(verified, sealKey);
  };

  function tokenOf(verified: VerifyResult, sealKey: SealKey | undefined): string | Promise<string> {
    const at = Math.floor(now() / 1000);
    const { role, claims, matchedKey: { kid } } = verified;
    const last = minted.get(claims);
    const reusable = last !== undefined && last.role === role && last.kid === kid &&
      last.sealKey === sealKey && at >= last.at && at < last.at + REUSE;
    return reusable ? last.token : mint(verified, sealKey, at);
  }

  async function mint(
    verified: VerifyResult,
    sealKey: SealKey | undefined,
    at: number,
  ): Promise<string> {
    const unsealed = downstreamClaims(verified, at);
    const isSealed = sealKey !== undefined || keySource.sealKey !== undefined;
    const token = await signer.sign(isSealed ? await sealed(unsealed, sealKey) : unsealed);
    const { role, claims, matchedKey: { kid } } = verified;
    minted.set(claims, { token, role, kid, sealKey, at });
    return token;
  }
}

/** What PostgREST sees, but for the seal. */
export interface DownstreamClaims extends Readonly<Record<string, unknown>> {
  /** The mark by which the guard and the policies' functions know a countersigned token. */
  readonly countersign: {
    readonly kid: string;
    readonly jti?: string;
    readonly iat: number;
    /** The federation rule of a provider's token. */
    readonly rule?: string;
  };
}

/**
 * The claims that PostgREST sees: the issuer's (of a provider's token those that its rule maps), with the role resolved, a short life, and the mark.
 *
 * `iat` moves into the mark: PostgREST 14.0 to 14.17 compares it with a clock that stood still while it idled,
 * and refuses a fresh one. An `aud` of one is a string (RFC 7519 §4.1.3), as PostgREST 12 hands it on, because
 * the seal covers what the database sees.
 *
 * @param nowSec Seconds since the epoch.
 */
export function downstreamClaims(
  { claims, role, matchedKey: { kid }, rule }: VerifyResult,
  nowSec: number,
): DownstreamClaims {
  const { iat, ...others } = claims;
  const { aud, jti } = claims;
  return {
    ...others,
    ...(Array.isArray(aud) && aud.length === 1 && { aud: aud[0] }),
    role,
    exp: Math.min(claims.exp, nowSec + DOWNSTREAM_LIFETIME),
    countersign: {
      kid,
      ...(jti !== undefined && { jti }),
      iat,
      ...(rule !== undefined && { rule }),
    },
  };
}
