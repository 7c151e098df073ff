import { SwapProxyError } from "../errors.ts";

/** The header in which a gateway shows that it is the operator's. */
export const GATEWAY_HEADER = "countersign-gateway";

/** What a header can hold and no one guesses: 32 visible characters or more. */
const SECRET = /^[!-~]{32,}$/;

/**
 * Reads a gateway's secret.
 *
 * @throws {TypeError} It is short, or does not fit into a header.
 */
export function checkedSecret(value: string): string {
  if (SECRET.test(value)) return value;
  throw new TypeError("Expected at least 32 visible ASCII characters");
}

/**
 * Makes what tells the operator's gateway from everyone else. Anyone who may ask for a downstream token can take it
 * elsewhere (Storage, Realtime), so without a secret no one may.
 *
 * @param secret What the gateway sends; `undefined` where there is no gateway.
 * @throws {TypeError} The secret is short, or does not fit into a header.
 */
export function createGatewayCheck(secret: string | undefined): (headers: Headers) => void {
  if (secret !== undefined) checkedSecret(secret);
  /** @throws {SwapProxyError} `path_not_found`, `gateway_not_allowed`. */
  return (headers) => {
    if (secret === undefined) {
      throw new SwapProxyError("path_not_found", "No gateway is configured");
    }
    if (!isSame(headers.get(GATEWAY_HEADER) ?? "", secret)) {
      throw new SwapProxyError("gateway_not_allowed", "The gateway's secret is missing or wrong");
    }
  };
}

/** Takes as long whichever character differs first. */
function isSame(given: string, secret: string): boolean {
  if (given.length !== secret.length) return false;
  let difference = 0;
  for (let i = 0; i < secret.length; i++) difference |= given.charCodeAt(i) ^ secret.charCodeAt(i);
  return difference === 0;
}
