/** A JWS algorithm that an issuer's key may have (RFC 7518 §3.1, RFC 8037 §3.1). */
export type Algorithm = "RS256" | "RS384" | "RS512" | "PS256" | "ES256" | "ES384" | "EdDSA";

/** The claims of a token (RFC 7519 §4). Times are seconds since the epoch. */
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

/**
 * The claims that a caller chooses. `iss`, `iat` and `exp` are the signer's.
 *
 * Every value has to be plain JSON. `jti` is a random UUID unless it is given.
 */
export type SignClaims = Partial<MultiIssuerJwtClaims> & { sub: string };

/** The members of a JSON Web Key (RFC 7517 §4, RFC 7518 §6) that matter here. Others are ignored. */
export interface Jwk {
  /** Type of key: `RSA`, `EC` or `OKP`. */
  kty?: string | undefined;
  /** What the key is for: `sig`, if anything. */
  use?: string | undefined;
  /** What the key may do: `sign` among it, if anything. */
  key_ops?: string[] | undefined;
  /** The algorithm the key is used with. */
  alg?: string | undefined;
  /** Curve: `P-256`, `P-384` or `Ed25519`. */
  crv?: string | undefined;
  /** Public: x coordinate (EC), or the key (OKP). */
  x?: string | undefined;
  /** Public: y coordinate (EC). */
  y?: string | undefined;
  /** Public: modulus (RSA). */
  n?: string | undefined;
  /** Public: exponent (RSA). */
  e?: string | undefined;
  /** Private: exponent (RSA), or the key (EC, OKP). */
  d?: string | undefined;
  /** Private: first prime factor (RSA). */
  p?: string | undefined;
  /** Private: second prime factor (RSA). */
  q?: string | undefined;
  /** Private: exponent of the first factor (RSA). */
  dp?: string | undefined;
  /** Private: exponent of the second factor (RSA). */
  dq?: string | undefined;
  /** Private: coefficient (RSA). */
  qi?: string | undefined;
}

/** The runtime's `CryptoKey`, also where its types have no global of that name (`@types/node` 20). */
export type WebCryptoKey = Extract<
  Awaited<ReturnType<typeof globalThis.crypto.subtle.generateKey>>,
  { type: string }
>;

/**
 * A key: PEM text (PKCS#8 if private, SPKI if public), a JWK (RFC 7517), or a `CryptoKey`.
 *
 * PEM text may have its line breaks written as `\n`, as environment variables often do.
 */
export type KeyInput = string | Jwk | WebCryptoKey;

/** What every way of signing needs to know. */
export interface SigningOptions {
  /** The issuer's private key for this target. */
  privateKey: KeyInput;
  /** The name under which the key is registered; becomes `iss`. */
  issuer: string;
  /** The target or targets that the token is meant for; becomes `aud`. */
  audience?: string | readonly string[];
  /** Lifetime: `"60s"`, `"5m"`, `"1h"`, `"30d"`, `"5y"`, or whole seconds. Default: `"60s"`. */
  expiresIn?: string | number;
  /**
   * The algorithm that the key is registered with.
   *
   * Default: what the key says (the `alg` of a JWK, the algorithm of a `CryptoKey`), else RS256 for RSA,
   * ES256 for P-256, ES384 for P-384 and EdDSA for Ed25519.
   */
  algorithm?: Algorithm;
  /**
   * The id of the key. Needed only with a non-extractable `CryptoKey`, from which it cannot be computed:
   * without it such a token has no `kid`. Any other key's id is computed, and one given has to equal it.
   */
  kid?: string;
  /** The clock: milliseconds since the epoch. Default: `Date.now`. */
  now?: () => number;
}

/** Options of `signMultiIssuerJwt`. */
export interface SignOptions extends SigningOptions {
  /** The claims of this token. */
  claims: SignClaims;
}
