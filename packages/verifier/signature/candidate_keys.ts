import { JwtVerificationError } from "../errors.ts";
import type { ProtectedHeader } from "../token/header.ts";
import type { IssuerKey, IssuerRecord } from "../types.ts";

/** Most signatures that are checked for one token. An issuer with more live keys has to send `kid`. */
export const MAX_CANDIDATES = 4;

/**
 * Chooses the keys that a token may be signed with: the one that `kid` names, or else this issuer's live keys
 * of that algorithm.
 *
 * The registered key decides the algorithm, the header only has to agree (RFC 8725 §3.1), and only keys of
 * the issuer that the token names are considered.
 *
 * @param now Seconds since the epoch.
 * @throws {JwtVerificationError} `revoked_key`, `unknown_key`, `algorithm_mismatch`, `key_not_current`.
 */
export function candidateKeys(
  header: ProtectedHeader,
  record: IssuerRecord,
  now: number,
): readonly IssuerKey[] {
  return header.kid === undefined
    ? liveKeys(header, record, now)
    : [namedKey(header, header.kid, record, now)];
}

function namedKey(
  header: ProtectedHeader,
  kid: string,
  record: IssuerRecord,
  now: number,
): IssuerKey {
  const { issuer } = record;
  if (record.revokedKids.includes(kid)) {
    throw new JwtVerificationError("revoked_key", "The key is revoked", { issuer, kid });
  }
  const key = record.keys.find((candidate) => candidate.kid === kid);
  if (key === undefined) {
    throw new JwtVerificationError("unknown_key", "The issuer has no key with that id", { issuer });
  }
  if (key.algorithm !== header.alg) {
    throw new JwtVerificationError(
      "algorithm_mismatch",
      "The header names another algorithm than the key is registered for",
      { issuer, kid },
    );
  }
  if (!isLive(key, now)) {
    throw new JwtVerificationError("key_not_current", "The key is on standby or retired", {
      issuer,
      kid,
    });
  }
  return key;
}

function liveKeys(
  header: ProtectedHeader,
  record: IssuerRecord,
  now: number,
): readonly IssuerKey[] {
  const { issuer, keys, revokedKids } = record;
  const live = keys.filter((key) => isLive(key, now) && !revokedKids.includes(key.kid));
  if (live.length === 0) throw noLiveKey(record);
  const candidates = live.filter((key) => key.algorithm === header.alg);
  if (candidates.length === 0) {
    throw new JwtVerificationError(
      "algorithm_mismatch",
      "The issuer has no live key of the header's algorithm",
      { issuer },
    );
  }
  return candidates.slice(0, MAX_CANDIDATES);
}

/** Why none of the issuer's keys verifies: the state of the one that would have been used before. */
function noLiveKey({ issuer, keys, revokedKids }: IssuerRecord): JwtVerificationError {
  if (keys.some(({ kid }) => !revokedKids.includes(kid))) {
    return new JwtVerificationError("key_not_current", "The issuer has no live key", { issuer });
  }
  const [kid, ...others] = revokedKids;
  if (kid === undefined) {
    return new JwtVerificationError("unknown_key", "The issuer has no key", { issuer });
  }
  return new JwtVerificationError("revoked_key", "The issuer's keys are revoked", {
    issuer,
    ...(others.length === 0 && { kid }),
  });
}

function isLive(key: IssuerKey, now: number): boolean {
  return (key.notBefore === null || key.notBefore <= now) &&
    (key.notAfter === null || now < key.notAfter);
}
