import { JwtVerificationError } from "@countersign/verifier";
import { REQUEST_ID_HEADER } from "../request/request_id.ts";
import type { Refusal } from "./refusals.ts";

/** What an answer is made of, beside its row of the table. */
export interface RefusalContext {
  readonly method: string;
  readonly requestId: string;
  /** What was thrown. */
  readonly error: unknown;
}

/**
 * The answer for a row of the table, in PostgREST's shape, which postgrest-js parses.
 *
 * The body depends on nothing but the row, unless the token's signature held: then `details` says what is wrong with its
 * claims. What differs from request to request is in the header.
 */
export function refusalResponse(
  { code, message, hint, status, headers, explains }: Refusal,
  { method, requestId, error }: RefusalContext,
): Response {
  const response = new Headers(headers);
  response.set("content-type", "application/json; charset=utf-8");
  response.set("cache-control", "no-store");
  response.set(REQUEST_ID_HEADER, requestId);
  const details = explains && error instanceof JwtVerificationError ? error.message : null;
  const body = method === "HEAD" ? null : JSON.stringify({ code, message, details, hint });
  return new Response(body, { status, headers: response });
}
