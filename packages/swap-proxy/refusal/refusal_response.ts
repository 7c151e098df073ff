import { REQUEST_ID_HEADER } from "../request/request_id.ts";
import type { Refusal } from "./refusals.ts";

/**
 * The answer for a row of the table, in PostgREST's shape, which postgrest-js parses. The body depends on
 * nothing but the row: what differs from request to request is in the header.
 */
export function refusalResponse(refusal: Refusal, method: string, requestId: string): Response {
  const headers = new Headers(refusal.headers);
  headers.set("content-type", "application/json; charset=utf-8");
  headers.set(REQUEST_ID_HEADER, requestId);
  const { code, message, hint, status } = refusal;
  const body = method === "HEAD" ? null : JSON.stringify({ code, message, details: null, hint });
  return new Response(body, { status, headers });
}
