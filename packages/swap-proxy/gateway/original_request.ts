import { SwapProxyError } from "../errors.ts";

/** A request as its gateway received it. */
export interface OriginalRequest {
  readonly method: string;
  /** Path and query as they stood in the request line. */
  readonly uri: string;
  /** The headers that said so: none where the path did. */
  readonly namedBy: readonly string[];
}

/** nginx is told to send the first two; Traefik sends the others by itself. Envoy appends its path to ours. */
const NAMED_BY_HEADERS = [
  "x-original-method",
  "x-original-uri",
  "x-forwarded-method",
  "x-forwarded-uri",
];
const ORIGINAL = NAMED_BY_HEADERS.slice(0, 2);
const FORWARDED = NAMED_BY_HEADERS.slice(2);

/**
 * RFC 9112 §3.2.1, origin-form: what a request line can hold, without a fragment. Several header lines arrive
 * joined by a comma and a blank, which is not among it.
 */
const ORIGIN_FORM = /^\/[!"$-~]*$/;

/**
 * Reads which request a gateway asks about.
 *
 * One pair of headers must say it, or the gateway's own method and what it has appended to the path, and the others
 * must be absent: a client can send either pair, and a gateway that passes a client's headers on would otherwise have
 * it judged by a request that it never made.
 *
 * @param appended From the router.
 * @throws {SwapProxyError} `gateway_request_invalid`, or `path_not_found` for what is no path and query.
 */
export function originalRequest(
  { headers, method: ownMethod }: Pick<Request, "headers" | "method">,
  appended: string | undefined,
): OriginalRequest {
  const pairs = [ORIGINAL, FORWARDED].filter((pair) => pair.some((name) => headers.has(name)));
  const [pair] = pairs;
  const isAppended = appended !== undefined;
  const [method, uri] = isAppended
    ? [ownMethod, appended]
    : (pair ?? []).map((name) => headers.get(name));
  if (pairs.length !== (isAppended ? 0 : 1) || !method || !uri) {
    throw new SwapProxyError(
      "gateway_request_invalid",
      "Exactly one pair of headers, or the path, must name the original method and URI",
    );
  }
  if (!ORIGIN_FORM.test(uri)) {
    throw new SwapProxyError("path_not_found", "The original URI is not a path and query");
  }
  return { method, uri, namedBy: pair ?? [] };
}
