import { SwapProxyError } from "../errors.ts";
import { passesToClient } from "./forwarded_headers.ts";
import { peekBody } from "./peek_body.ts";
import type { UpstreamCall, UpstreamCalls } from "./upstream_calls.ts";
import { rejectionCode } from "./token_rejection.ts";

/** How requests reach PostgREST. */
export interface ForwardSettings {
  /** Without a trailing slash. */
  readonly upstreamUrl: string;
  /** For the gateway; `undefined` where PostgREST is reached directly. */
  readonly apikey: string | undefined;
  /** Names of the request's headers that PostgREST gets. */
  readonly requestHeaders: readonly string[];
  /** Names of the answer's headers that the client gets. */
  readonly responseHeaders: ReadonlySet<string>;
  readonly calls: UpstreamCalls;
  readonly fetch: typeof fetch;
}

/**
 * `fetch` of Deno shows a `Content-Encoding` only if it has left the body encoded. Every other runtime decodes the body
 * and shows the header all the same.
 */
const SHOWS_WHAT_IS_ENCODED = "Deno" in globalThis;

/** Fetch, "null body status": no response with a body can be made of them. */
const WITHOUT_BODY = new Set([204, 205, 304]);

/**
 * Sends one request to PostgREST with the downstream token. Bodies stream both ways; redirects are not
 * followed; a client that leaves, or a status that does not come in time, aborts the upstream call.
 *
 * **Does not** limit how long a body may take once the status is there; the platform does.
 *
 * @param pathAndQuery From `createRouter`.
 * @param token The downstream token.
 * @throws {SwapProxyError} `upstream_unreachable`, `upstream_timeout`, `upstream_invalid`, `client_closed`,
 * `downstream_token_rejected`, `upstream_not_found`.
 */
export async function forward(
  request: Request,
  pathAndQuery: string,
  token: string,
  settings: ForwardSettings,
): Promise<Response> {
  const call = settings.calls.begin(request);
  try {
    const init: RequestInit & { duplex: "half" } = {
      method: request.method,
      headers: requestHeaders(request.headers, token, settings),
      body: request.body === null ? null : await call.body(),
      duplex: "half",
      redirect: "manual",
      signal: call.signal,
    };
    const upstream = await settings.fetch(settings.upstreamUrl + pathAndQuery, init);
    return await answered(request.method, upstream, settings.responseHeaders);
  } catch (error) {
    throw error instanceof SwapProxyError ? error : failure(call, error);
  } finally {
    settings.calls.end(call);
  }
}

function failure(call: UpstreamCall, cause: unknown): SwapProxyError {
  return call.brokenOff === undefined
    ? new SwapProxyError("upstream_unreachable", "The upstream cannot be reached", { cause })
    : new SwapProxyError(call.brokenOff, "The upstream call was broken off");
}

function requestHeaders(
  inbound: Headers,
  token: string,
  { requestHeaders, apikey }: ForwardSettings,
): [string, string][] {
  const headers: [string, string][] = [];
  for (const name of requestHeaders) {
    const value = inbound.get(name);
    if (value !== null) headers.push([name, value]);
  }
  headers.push(["authorization", `Bearer ${token}`]);
  if (apikey !== undefined) headers.push(["apikey", apikey]);
  // What fetch would ask for by itself it would also decode, at this function's expense.
  headers.push(["accept-encoding", "identity"]);
  return headers;
}

/** The client's answer. What must be looked into before is looked into while the call can still be broken off. */
async function answered(
  method: string,
  upstream: Response,
  listed: ReadonlySet<string>,
): Promise<Response> {
  const { status } = upstream;
  if (method === "HEAD") return withoutBody(upstream, listed);
  if (status === 401) {
    return answer(upstream, await bodyUnlessOurTokenWasRejected(upstream), listed);
  }
  if (status === 404) return answer(upstream, await bodyOfNotFound(upstream), listed);
  return answer(upstream, upstream.body, listed);
}

function answer(upstream: Response, body: Response["body"], listed: ReadonlySet<string>): Response {
  const status = passedStatus(upstream);
  const response = new Response(WITHOUT_BODY.has(status) ? null : body, { status });
  // One by one: given a list of them, the constructor takes several times as long.
  for (const [name, value] of upstream.headers) {
    if (passesToClient(name, listed)) response.headers.append(name, value);
    else if (name === "content-encoding" && SHOWS_WHAT_IS_ENCODED) {
      response.headers.append(name, value);
    }
  }
  const contentType = response.headers.get("content-type");
  // SQL that sets one adds it to PostgREST's own, and the client would get both in one line.
  if (contentType?.includes(", ")) {
    response.headers.set("content-type", contentType.slice(0, contentType.indexOf(", ")));
  }
  return response;
}

/**
 * An answer to HEAD. Its length is that of the body that GET would have; given no body at all, Deno would say 0.
 */
function withoutBody(upstream: Response, listed: ReadonlySet<string>): Response {
  const length = upstream.headers.get("content-length");
  const empty: NonNullable<Response["body"]> = new ReadableStream({
    start: (controller) => controller.close(),
  });
  const response = answer(upstream, length === null ? empty : null, listed);
  if (length !== null) response.headers.set("content-length", length);
  return response;
}

/** A database function can set any status that it likes. */
function passedStatus({ status, body }: Response): number {
  // RFC 9110 §15.3.6: without a body, as 204. Deno announces no end of it, and the client would wait for one.
  if (status === 205) return 204;
  if (status >= 200 && status <= 599) return status;
  body?.cancel().catch(() => {});
  throw new SwapProxyError("upstream_invalid", "The upstream's status is not between 200 and 599");
}

/** Tells PostgREST's refusal of the downstream token from every other 401 (the guard's, a function's own). */
async function bodyUnlessOurTokenWasRejected(upstream: Response): Promise<Response["body"]> {
  const { first, body } = upstream.headers.has("proxy-status")
    ? { first: undefined, body: upstream.body }
    : await peekBody(upstream);
  const upstreamCode = rejectionCode(upstream.headers, first);
  if (upstreamCode === undefined) return body;
  await body?.cancel();
  throw new SwapProxyError(
    "downstream_token_rejected",
    `PostgREST refused the downstream token with ${upstreamCode}`,
    { upstreamCode },
  );
}

/** postgrest-js reads a 404 with an empty body as success. */
async function bodyOfNotFound(upstream: Response): Promise<Response["body"]> {
  const { body } = await peekBody(upstream);
  if (body !== null) return body;
  throw new SwapProxyError("upstream_not_found", "The upstream answered 404 with an empty body");
}
