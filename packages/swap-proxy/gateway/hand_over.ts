/** The header by which a gateway says that it sends every refused request on to the function. */
const HANDOVER_HEADER = "countersign-handover";

/** Whether the gateway wants only to know that a request is refused, because the function will refuse it itself. */
export function handsOver(headers: Headers): boolean {
  return headers.get(HANDOVER_HEADER) === "true";
}

/** That a request is refused, and nothing else: nginx would mix a challenge with the function's own. */
export function notAllowed(): Response {
  return new Response(null, { status: 403, headers: { "cache-control": "no-store" } });
}
