import type { OriginalRequest } from "./original_request.ts";

/** The header that tells a gateway what to ask PostgREST for. */
export const PATH_HEADER = "countersign-path";

/**
 * The answer that lets a request pass: no body, the downstream token, and the path and query that were judged, so
 * that a gateway asks PostgREST for nothing else.
 *
 * `must-revalidate` forbids a cache to go on with the answer while the function is down (RFC 9111 §5.2.2.2), and
 * allows a shared one to keep what belongs to a token at all (§3.5); `Vary` keeps one token's answer from another.
 *
 * @param pathAndQuery From the router.
 * @param token The downstream token.
 * @param seconds From `keepSeconds`.
 */
export function allow(
  { namedBy }: OriginalRequest,
  pathAndQuery: string,
  token: string,
  seconds: number,
): Response {
  const response = new Response(null);
  response.headers.set("authorization", `Bearer ${token}`);
  response.headers.set(PATH_HEADER, pathAndQuery);
  response.headers.set(
    "cache-control",
    seconds > 0 ? `max-age=${seconds}, must-revalidate` : "no-store",
  );
  response.headers.set("vary", ["authorization", ...namedBy].join(", "));
  return response;
}
