/** A JWS algorithm that a registered key may have (RFC 7518 §3.1, RFC 8037). */
export type Algorithm = "RS256" | "RS384" | "RS512" | "PS256" | "ES256" | "ES384" | "EdDSA";

/** The claims of a verified token (RFC 7519 §4). Times are seconds since the epoch. */
export interface MultiIssuerJwtClaims {
  /** Issuer: the name under which the key is registered. */
  iss: string;
  /** Subject: who, inside the issuing service, acts. */
  sub?: string;
  /** Audience: the target or targets that the token is meant for. */
  aud?: string | string[];
  /** Expiration time. */
  exp: number;
  /** Issued at. */
  iat: number;
  /** Not before. */
  nbf?: number;
  /** Token id; what `single_use` issuers are held to. */
  jti?: string;
  /** The Postgres role that PostgREST switches to. */
  role?: string;
  /** Whatever else the issuer wants its target's policies to see. */
  [claim: string]: unknown;
}

/** What an issuer's tokens may claim: the policy columns of a row of `jwt_issuers`. */
export interface IssuerPolicy {
  /** Roles that a token may claim. None: every token is refused. */
  readonly allowedRoles: readonly string[];
  /** The role of a token that claims none. */
  readonly defaultRole: string | null;
  /** Exact subjects, or prefixes ending in `*`. `null`: any that is not a user id. */
  readonly allowedSubjects: readonly string[] | null;
  /** Whether `sub` may look like a Supabase user id (a UUID). */
  readonly allowUserSubjects: boolean;
  /** Names of extra claims. `null`: any that is not protected. A protected claim has to be named. */
  readonly allowedClaims: readonly string[] | null;
  /** Audiences of which a token has to name one. `null`: the target's own. */
  readonly audiences: readonly string[] | null;
  /** Most seconds between `iat` and `exp`. */
  readonly maxTokenLifetime: number;
  /** Most seconds that a token lives which this issuer's are exchanged for. `null` or absent: none is exchanged. */
  readonly maxExchangeLifetime?: number | null;
  /** Tokens issued before this second are refused. */
  readonly rejectIssuedBefore: number | null;
  /** Whether a token may be used for one write only. */
  readonly singleUse: boolean;
  /** `observe` reports what the policy would refuse and lets it through, where that is safe. */
  readonly mode: "enforce" | "observe";
}

/** A key that the registry holds active for an issuer. */
export interface IssuerKey {
  /** base64url(SHA-256(SPKI DER)). */
  readonly kid: string;
  /** The only algorithm that it verifies. */
  readonly algorithm: Algorithm;
  /** SPKI PEM. */
  readonly publicKey: string;
  /** Seconds since the epoch from which the key verifies, or `null`. */
  readonly notBefore: number | null;
  /** Seconds since the epoch at which the key stops verifying, or `null`. */
  readonly notAfter: number | null;
}

/** All that a verifier needs to know of one issuer. Never mutated: a change is a new object. */
export interface IssuerRecord {
  /** The exact value of `iss`. */
  readonly issuer: string;
  /** Whether any of its tokens is accepted. */
  readonly isActive: boolean;
  /** What its tokens may claim. */
  readonly policy: IssuerPolicy;
  /** Active keys: current, and standby or retired ones, which the times of the key tell apart. */
  readonly keys: readonly IssuerKey[];
  /** Ids of this issuer's revoked keys, so that the operator's log can say so. */
  readonly revokedKids: readonly string[];
}

/**
 * The key that seals downstream tokens. The database made it, and checks the seal with it.
 *
 * Never mutated, and the same object for as long as the key is the same.
 */
export interface SealKey {
  /** The id that a seal begins with: letters, digits, `-` and `_`. */
  readonly id: string;
  /** 32 bytes in base64url. A secret: it never belongs in a log or an error. */
  readonly secret: string;
}

/** What a policy in `observe` mode would have refused. */
export interface PolicyRefusal {
  /** The reason that the refusal would have had. */
  readonly reason: "role_not_allowed" | "subject_not_allowed" | "claim_not_allowed";
  /** What was expected, for the operator. */
  readonly message: string;
}
