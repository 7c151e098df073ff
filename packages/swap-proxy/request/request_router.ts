import { SwapProxyError } from "../errors.ts";
import { createRouter, type Route } from "./router.ts";

const METHODS = new Set(["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"]);

/**
 * Finds the route of a request, or refuses it.
 *
 * @param mountPath For example `/functions/v1/rest`.
 * @throws {ConfigurationError} The mount path is not plain segments.
 */
export function createRequestRouter(mountPath: string): (request: Request) => Route {
  const route = createRouter(mountPath);
  /** @throws {SwapProxyError} `path_not_found`, `method_not_allowed`. */
  return ({ url, method }) => {
    const to = route(url);
    if (to === undefined) throw new SwapProxyError("path_not_found", "No such path");
    if (!METHODS.has(method)) {
      throw new SwapProxyError("method_not_allowed", "Not a method of PostgREST");
    }
    return to;
  };
}
