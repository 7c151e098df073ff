import { ConfigurationError } from "../errors.ts";

/** A path and query for PostgREST. */
export interface UpstreamRoute {
  readonly kind: "upstream";
  readonly pathAndQuery: string;
}

/** A gateway's question, and the path and query that it has appended (Envoy), if any. */
export interface AuthorizeRoute {
  readonly kind: "authorize";
  readonly appended: string | undefined;
}

/** What a URL asks for. */
export type Route =
  | UpstreamRoute
  | { readonly kind: "healthz" }
  | { readonly kind: "readyz" }
  | { readonly kind: "token" }
  | { readonly kind: "metadata" }
  | AuthorizeRoute;

/** Where the platform mounts functions; it strips this before a function sees the path. */
const PLATFORM_PREFIX = "/functions/v1";

const HEALTHZ: Route = { kind: "healthz" };
const READYZ: Route = { kind: "readyz" };
const TOKEN: Route = { kind: "token" };
const METADATA: Route = { kind: "metadata" };
const AUTHORIZE = "/-/authorize";

// RFC 3986 §3.3 pchar. Left out of the percent-encodings are those that decode to "%", "." "/" or "\"
// (a second decoder behind us would see another path than we do) and to control characters.
const SEGMENT = "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%(?!2[5EFef]|5[Cc]|[01]|7[Ff])[0-9A-Fa-f]{2})+";
/** All that PostgREST serves: the root, a table or view, and a function. */
const POSTGREST_PATH = new RegExp(`^/(?:(?:rpc/)?(?!\\.{1,2}$)${SEGMENT})?$`);

/**
 * The rule that finds the proxy's own part of a URL. Accepts `[/functions/v1]/<name>[/v1]` and what is
 * below it, at segment boundaries only; everything after goes upstream byte for byte.
 *
 * Works on the URL's text: `new URL` would resolve `..` and thereby hide what was sent.
 *
 * @param mountPath For example `/functions/v1/rest`.
 * @returns A function from a request's URL to its route, or `undefined` where there is nothing.
 * @throws {ConfigurationError} The mount path is not plain segments.
 */
export function createRouter(mountPath: string): (url: string) => Route | undefined {
  if (!/^(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*\/?$/.test(mountPath)) {
    throw new ConfigurationError([{
      name: "mountPath",
      message: 'must be a path of plain segments, such as "/functions/v1/rest"',
    }]);
  }
  const mount = mountPath.replace(/\/$/, "");
  const mounts = mount.startsWith(`${PLATFORM_PREFIX}/`)
    ? [mount, mount.slice(PLATFORM_PREFIX.length)]
    : [mount];

  return (url) => {
    const start = url.indexOf("/", url.indexOf("://") + 3);
    if (start < 0) return undefined; // "*" and authority-form request targets
    const { path, query } = split(url, start);
    for (const mount of mounts) {
      const rest = below(mount, path);
      if (rest !== undefined) return route(below("/v1", rest) ?? rest, query);
    }
    return undefined;
  };
}

function split(url: string, start: number): { path: string; query: string } {
  const hash = url.indexOf("#", start);
  const end = hash < 0 ? url.length : hash;
  const mark = url.indexOf("?", start);
  return mark < 0 || mark > end
    ? { path: url.slice(start, end), query: "" }
    : { path: url.slice(start, mark), query: url.slice(mark, end) };
}

/** What follows `prefix` in `path`, from a "/" on or empty; `undefined` where `path` is not below it. */
function below(prefix: string, path: string): string | undefined {
  if (!path.startsWith(prefix)) return undefined;
  const next = path[prefix.length];
  return next === undefined || next === "/" ? path.slice(prefix.length) : undefined;
}

function route(rest: string, query: string): Route | undefined {
  if (rest === "/-/healthz") return HEALTHZ;
  if (rest === "/-/readyz") return READYZ;
  if (rest === "/-/token") return TOKEN;
  if (rest === "/-/.well-known/oauth-authorization-server") return METADATA;
  const behind = below(AUTHORIZE, rest);
  if (behind !== undefined) {
    return { kind: "authorize", appended: behind === "" ? undefined : behind + query };
  }
  const path = rest === "" ? "/" : rest;
  if (!POSTGREST_PATH.test(path) || !isUtf8(path)) return undefined;
  return { kind: "upstream", pathAndQuery: path + query };
}

/** Whether the percent-encodings are UTF-8: an overlong "/" (%c0%af) is not. */
function isUtf8(path: string): boolean {
  if (!path.includes("%")) return true;
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}
