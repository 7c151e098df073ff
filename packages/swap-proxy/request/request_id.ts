/** The header that carries the id under which the operator's log has the reason. */
export const REQUEST_ID_HEADER = "countersign-request-id";

/**
 * The id that an answer and the operator's log share: the platform's where it gave one, else random. A
 * client can send the platform's header too, so only a short, plain value is taken over.
 */
export function requestId(headers: Headers): string {
  const given = headers.get("sb-request-id");
  return given !== null && /^[A-Za-z0-9-]{8,64}$/.test(given) ? given : crypto.randomUUID();
}
