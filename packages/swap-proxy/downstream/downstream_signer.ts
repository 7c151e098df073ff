/**
 * Signs downstream tokens with a key that PostgREST trusts. {@linkcode hs256Signer} and {@linkcode jwkSigner}
 * make one.
 */
export interface DownstreamSigner {
  /**
   * Signs claims, whatever they are: `createJwtSwapProxy` has decided about them.
   *
   * @param claims The payload, as it will stand in the token.
   * @returns The token in JWS compact serialization (RFC 7515 §7.1).
   */
  sign(claims: Readonly<Record<string, unknown>>): Promise<string>;
}
