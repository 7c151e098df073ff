import { SwapProxyError } from "../errors.ts";
import { peekBody } from "./peek_body.ts";
import type { UpstreamCalls } from "./upstream_calls.ts";

/** How requests reach PostgREST. */
export interface ForwardSettings {
  /** Without a trailing slash. */
  readonly upstreamUrl: string;
  /** For the gateway; `undefined` where PostgREST is reached directly. */
  readonly apikey: string | undefined;
  readonly calls: UpstreamCalls;
  readonly fetch: typeof fetch;
}

/**
 * The request headers that PostgREST reads and the two that supabase-js adds. Everything else stays here:
 * `apikey` and `authorization` are ours, `host`, `cf-*` and `x-forwarded-*` speak of the hop to us.
 */
const REQUEST_HEADERS = [
  "accept",
  "accept-profile",
  "content-profile",
  "content-type",
  "prefer",
  "range",
  "range-unit",
  "x-client-info",
  "x-retry-count",
];

/** Not among them: lengths and encodings, because `fetch` has decoded the body already. */
const RESPONSE_HEADERS = [
  "allow",
  "cache-control",
  "content-location",
  "content-profile",
  "content-range",
  "content-type",
  "etag",
  "location",
  "preference-applied",
  "proxy-status",
  "retry-after",
  "server-timing",
  "vary",
  "www-authenticate",
];

/**
 * Sends one request to PostgREST with the downstream token. Bodies stream both ways; redirects are not
 * followed; a client that leaves, or a status that does not come in time, aborts the upstream call.
 *
 * **Does not** limit how long a body may take once the status is there; the platform does.
 *
 * @param pathAndQuery From `createRouter`.
 * @param token The downstream token.
 * @throws {SwapProxyError} `upstream_unreachable`, `upstream_timeout`, `client_closed`,
 * `downstream_token_rejected`, `upstream_not_found`.
 */
export async function forward(
  request: Request,
  pathAndQuery: string,
  token: string,
  settings: ForwardSettings,
): Promise<Response> {
  const call = settings.calls.begin(request);
  const init: RequestInit & { duplex: "half" } = {
    method: request.method,
    headers: requestHeaders(request.headers, token, settings.apikey),
    body: call.body,
    duplex: "half",
    redirect: "manual",
    signal: call.signal,
  };
  let upstream: Response;
  try {
    upstream = await settings.fetch(settings.upstreamUrl + pathAndQuery, init);
  } catch (cause) {
    throw call.brokenOff === undefined
      ? new SwapProxyError("upstream_unreachable", "The upstream cannot be reached", { cause })
      : new SwapProxyError(call.brokenOff, "The upstream call was broken off");
  } finally {
    settings.calls.end(call);
  }
  switch (upstream.status) {
    case 401:
      return answer(upstream, await bodyUnlessOurTokenWasRejected(upstream));
    case 404:
      return answer(upstream, request.method === "HEAD" ? null : await bodyOfNotFound(upstream));
    default:
      return answer(upstream, upstream.body);
  }
}

function requestHeaders(
  inbound: Headers,
  token: string,
  apikey: string | undefined,
): [string, string][] {
  const headers: [string, string][] = [];
  for (const name of REQUEST_HEADERS) {
    const value = inbound.get(name);
    if (value !== null) headers.push([name, value]);
  }
  headers.push(["authorization", `Bearer ${token}`]);
  if (apikey !== undefined) headers.push(["apikey", apikey]);
  // What fetch would ask for by itself it would also decode, at this function's expense.
  headers.push(["accept-encoding", "identity"]);
  return headers;
}

function answer({ status, headers }: Response, body: Response["body"]): Response {
  const response = new Response(body, { status });
  // One by one: given a list of them, the constructor takes several times as long.
  for (const name of RESPONSE_HEADERS) {
    const value = headers.get(name);
    if (value !== null) response.headers.append(name, value);
  }
  return response;
}

/**
 * Tells PostgREST's refusal of the downstream token from every other 401 (the guard's, a function's own).
 * Newer versions say it in `Proxy-Status` (RFC 9209); older ones only in the body's `code`.
 */
async function bodyUnlessOurTokenWasRejected(upstream: Response): Promise<Response["body"]> {
  const proxyStatus = upstream.headers.get("proxy-status");
  if (proxyStatus !== null) {
    if (/\berror=PGRST30[1-3]\b/.test(proxyStatus)) throw await rejected(upstream.body);
    return upstream.body;
  }
  const { first, body } = await peekBody(upstream);
  const start = new TextDecoder().decode(first?.subarray(0, 4096));
  if (/"code":\s*"PGRST30[1-3]"/.test(start)) throw await rejected(body);
  return body;
}

async function rejected(body: Response["body"]): Promise<SwapProxyError> {
  await body?.cancel();
  return new SwapProxyError(
    "downstream_token_rejected",
    "PostgREST refused the downstream token: check the signing key and the clock",
  );
}

/** postgrest-js reads a 404 with an empty body as success. */
async function bodyOfNotFound(upstream: Response): Promise<Response["body"]> {
  const { body } = await peekBody(upstream);
  if (body !== null) return body;
  throw new SwapProxyError("upstream_not_found", "The upstream answered 404 with an empty body");
}
