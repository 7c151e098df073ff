/**
 * Signs downstream tokens with a key that PostgREST trusts. {@link hs256Signer} and {@link jwkSigner}
 * make one.
 */
export interface DownstreamSigner {
  /**
   * Signs claims, whatever they are: `createJwtSwapProxy` has decided about them.
   *
   * @param claims The payload, as it will stand in the token.
   * @returns The token in JWS compact serialisation (RFC 7515 §7.1).
   */
  sign(claims: Readonly<Record<string, unknown>>): Promise<string>;
}
