import { GRANTS } from "./token_request.ts";

/** Seconds for which the metadata may be kept. */
const MAX_AGE = 300;

/**
 * The authorization server's metadata (RFC 8414 §2).
 *
 * @param publicUrl Where callers reach the mount path.
 */
export function metadata(publicUrl: string, method: string): Response {
  const issuer = `${publicUrl}/-`;
  const body = {
    issuer,
    token_endpoint: `${issuer}/token`,
    grant_types_supported: [GRANTS.exchange, GRANTS.assertion],
    // There is no authorization endpoint, and the member is required.
    response_types_supported: [],
    token_endpoint_auth_methods_supported: ["none"],
  };
  return new Response(method === "HEAD" ? null : JSON.stringify(body), {
    headers: {
      "content-type": "application/json; charset=utf-8",
      "cache-control": `max-age=${MAX_AGE}`,
    },
  });
}
