import { JwtVerificationError } from "@countersign/verifier";
import { SwapProxyError } from "../errors.ts";
import type { RefusalContext } from "../refusal/refusal_response.ts";
import type { Refusal, RefusalReason } from "../refusal/refusals.ts";
import { REQUEST_ID_HEADER } from "../request/request_id.ts";
import type { TokenForm } from "./token_request.ts";

/** What RFC 6749 §5.2 and RFC 8693 §2.2.2 call it, where it is not the subject token that is refused. */
const ERRORS: Partial<Record<RefusalReason, string>> = {
  method_not_allowed: "invalid_request",
  token_request_invalid: "invalid_request",
  client_authentication_not_supported: "invalid_client",
  grant_type_not_supported: "unsupported_grant_type",
  scope_not_allowed: "invalid_scope",
  audience_not_allowed: "invalid_target",
  exchange_not_allowed: "unauthorized_client",
};

/** The token that was issued (RFC 8693 §2.2.1). */
export interface IssuedToken {
  readonly access_token: string;
  readonly issued_token_type: string;
  readonly token_type: "Bearer";
  readonly expires_in: number;
  readonly scope: string;
}

/** The answer with a token, which no cache may keep (RFC 6749 §5.1). */
export function issued(token: IssuedToken): Response {
  return Response.json(token, { headers: { "cache-control": "no-store", "pragma": "no-cache" } });
}

/**
 * The answer to a refused token request, as OAuth's libraries read it (RFC 6749 §5.2), beside the four members that all
 * refusals have.
 *
 * A subject token that is refused is `invalid_request` (RFC 8693 §2.2.2), and an assertion `invalid_grant` (RFC 7523 §3.1).
 */
export function tokenRefusal(
  grant: TokenForm["grant"],
  refusal: Refusal,
  reason: RefusalReason,
  { requestId, error }: Omit<RefusalContext, "method">,
): Response {
  const ofToken = grant === "assertion" ? "invalid_grant" : "invalid_request";
  const isTheirs = refusal.status < 500;
  const known = isTheirs ? ERRORS[reason] : undefined;
  const name = known ??
    (isTheirs ? ofToken : refusal.status === 503 ? "temporarily_unavailable" : "server_error");
  const { code, message, hint } = refusal;
  const details = explanation(refusal, error);
  const isOfToken = isTheirs && known === undefined;
  const headers = new Headers(refusal.headers);
  // The challenges of 401 are for a Bearer token in the header, and nobody is to send one.
  if (isOfToken) headers.delete("www-authenticate");
  if (reason === "method_not_allowed") headers.set("allow", "POST");
  headers.set("content-type", "application/json; charset=utf-8");
  headers.set("cache-control", "no-store");
  headers.set("pragma", "no-cache");
  headers.set(REQUEST_ID_HEADER, requestId);
  const body = {
    error: name,
    error_description: description(details ?? message),
    code,
    message,
    details,
    hint,
  };
  return new Response(JSON.stringify(body), { status: isOfToken ? 400 : refusal.status, headers });
}

function explanation({ explains, status }: Refusal, error: unknown): string | null {
  if (explains && error instanceof JwtVerificationError) return error.message;
  // Our own sentences about the form, which quote nothing of it.
  return error instanceof SwapProxyError && status < 500 ? error.message : null;
}

/** RFC 6749 §5.2 leaves out quotation marks, backslashes and all that is not ASCII. */
function description(text: string): string {
  return text.replace(/["\\]/g, "'").replace(/[^\x20-\x7e]/g, "?");
}
