/** Passed to PostgREST: what it reads, what supabase-js adds, and the headers of distributed tracing. */
export const REQUEST_HEADERS: readonly string[] = [
  "accept",
  "accept-profile",
  "baggage",
  "content-profile",
  "content-type",
  "prefer",
  "range",
  "range-unit",
  "traceparent",
  "tracestate",
  "x-client-info",
  "x-retry-count",
];

/** Passed to the client: what PostgREST sets, and what SQL sets through `response.headers`. */
export const RESPONSE_HEADERS: readonly string[] = [
  "allow",
  "cache-control",
  "content-disposition",
  "content-language",
  "content-location",
  "content-profile",
  "content-range",
  "content-security-policy",
  "content-type",
  "etag",
  "expires",
  "last-modified",
  "link",
  "location",
  "preference-applied",
  "proxy-status",
  "retry-after",
  "server-timing",
  "vary",
  "www-authenticate",
];

/** Headers of applications begin with `x-`; these are of the hops between PostgREST and here. */
const OF_APPLICATIONS = "x-";
const OF_GATEWAYS =
  /^x-(?:amz|cache|cdn|deno|edge|envoy|forwarded|kong|powered-by|real-ip|sb|served-by|supabase|varnish|vercel)\b/;

/** RFC 9110 §7.6.1, and what frames or routes one hop's message. */
const OF_ONE_HOP = new Set([
  "accept-encoding",
  "cdn-loop",
  "connection",
  "content-encoding",
  "content-length",
  "date",
  "expect",
  "forwarded",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "server",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "via",
]);
const OF_CREDENTIALS = new Set(["apikey", "authorization", "cookie", "set-cookie", "set-cookie2"]);
const OF_THE_PROXY = /^(?:countersign-|sb-|cf-|x-forwarded-)/;

/**
 * Reads the names of further headers to pass.
 *
 * @param names In any case.
 * @returns The names in lower case.
 * @throws {TypeError} A name is not one, or is of a header that is never passed.
 */
export function headerNames(names: readonly string[]): readonly string[] {
  return names.map((given) => {
    const name = String(given).toLowerCase();
    if (!/^[a-z0-9!#$%&'*+.^_`|~-]{1,64}$/.test(name) || name.includes("*")) {
      throw new TypeError('Expected names of headers, such as "X-Tenant"');
    }
    if (OF_CREDENTIALS.has(name)) {
      throw new TypeError(`Header "${name}" holds credentials, which are never passed on`);
    }
    if (OF_ONE_HOP.has(name) || OF_THE_PROXY.test(name)) {
      throw new TypeError(`Header "${name}" belongs to one connection, and is never passed on`);
    }
    return name;
  });
}

/** Tells whether a header of PostgREST's answer passes. */
export function passesToClient(name: string, listed: ReadonlySet<string>): boolean {
  return listed.has(name) || (name.startsWith(OF_APPLICATIONS) && !OF_GATEWAYS.test(name));
}
