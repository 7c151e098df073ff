import { SwapProxyError } from "../errors.ts";
import { createRouter, type Route } from "./router.ts";

const METHODS = new Set(["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"]);
/** RFC 9110 §7.2: host and port. Some servers put anything else of the header into the request's URL. */
const HOST = /^(?:[A-Za-z0-9._~%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?$/;

/** Finds the route of a request. */
export type RequestRouter = (request: Pick<Request, "url" | "method" | "headers">) => Route;

/**
 * Makes what finds the route of a request, or refuses it.
 *
 * @param mountPath For example `/functions/v1/rest`.
 * @throws {ConfigurationError} The mount path is not plain segments.
 */
export function createRequestRouter(mountPath: string): RequestRouter {
  const route = createRouter(mountPath);
  return ({ url, method, headers }) => {
    const host = headers.get("host");
    if (host !== null && host !== "" && !HOST.test(host)) {
      throw new SwapProxyError("host_invalid", "The Host header is not host and port");
    }
    const to = route(url);
    if (to === undefined) throw new SwapProxyError("path_not_found", "Nothing is at this path");
    if (!METHODS.has(method)) {
      throw new SwapProxyError("method_not_allowed", "PostgREST does not know the method");
    }
    return to;
  };
}
