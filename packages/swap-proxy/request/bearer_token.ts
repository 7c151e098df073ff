import { SwapProxyError } from "../errors.ts";

const SCHEME = "bearer ";
const BARE_SCHEME = /^bearer *$/i;
/** Several Authorization headers arrive joined by commas, which no token contains (RFC 9110 §5.3). */
const SEPARATOR = /[\s,]/;

/**
 * The one Bearer token of a request (RFC 6750 §2.1). The scheme's case does not matter (RFC 9110 §11.1).
 *
 * **Does not** read a token from the query, a form or `apikey` (RFC 6750 §2.3 advises against it, and such
 * tokens end up in logs), and does not look inside the token.
 *
 * @throws {SwapProxyError} `token_missing` with no header; `token_empty` with nothing in it, or nothing behind the
 * scheme; `credentials_invalid` where it is another scheme, or holds more than one credential: present but invalid never becomes anonymous.
 */
export function bearerToken(headers: Headers): string {
  const value = headers.get("authorization");
  if (value === null) throw new SwapProxyError("token_missing", "There is no Authorization header");

  let start = SCHEME.length;
  const isBearer = value.slice(0, start).toLowerCase() === SCHEME;
  while (value[start] === " ") start++;
  const token = value.slice(start);
  if (token === "" && (value === "" || BARE_SCHEME.test(value))) {
    throw new SwapProxyError("token_empty", "The Authorization header contains no token");
  }
  if (!isBearer || token === "" || SEPARATOR.test(token)) {
    throw new SwapProxyError("credentials_invalid", "The Authorization header is not one token");
  }
  return token;
}
