/** PostgREST's codes for a token that it does not take. */
export type TokenRejection = "PGRST301" | "PGRST302" | "PGRST303";

/**
 * PostgREST's code, if it refused the token.
 *
 * Newer versions say it in `Proxy-Status` (RFC 9209); older ones only in the body's `code`.
 *
 * @param start The first bytes of the body.
 */
export function rejectionCode(
  headers: Headers,
  start: Uint8Array | undefined,
): TokenRejection | undefined {
  const proxyStatus = headers.get("proxy-status");
  const found = proxyStatus === null
    ? /"code":\s*"(PGRST30[1-3])"/.exec(new TextDecoder().decode(start?.subarray(0, 4096)))
    : /\berror=(PGRST30[1-3])\b/.exec(proxyStatus);
  switch (found?.[1]) {
    case "PGRST301":
    case "PGRST302":
    case "PGRST303":
      return found[1];
    default:
      return undefined;
  }
}

/** What the operator has to look at. */
export const REJECTION_HINTS: Readonly<Record<TokenRejection, string>> = {
  PGRST301:
    "PostgREST does not know the signature: compare COUNTERSIGN_JWT_SECRET or COUNTERSIGN_SIGNING_JWK with its jwt-secret; if it has jwt-secret-is-base64, set COUNTERSIGN_JWT_SECRET_IS_BASE64=true",
  PGRST302:
    "PostgREST got no token: something between this function and PostgREST removes the Authorization header",
  PGRST303:
    "PostgREST refused a claim: compare this machine's clock with PostgREST's, and the issuer's aud with its jwt-aud",
};
