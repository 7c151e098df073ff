import type { VerifyResult } from "@countersign/verifier";
import { SwapProxyError } from "../errors.ts";
import type { ProxySettings } from "../options/proxy_settings.ts";
import type { RequestRouter } from "../request/request_router.ts";
import { allow } from "./allow.ts";
import { handsOver } from "./hand_over.ts";
import { keepSeconds } from "./keep_seconds.ts";
import { originalRequest } from "./original_request.ts";

/** What answers a request once its token is verified. */
export type Answer = (verified: VerifyResult, token: string) => Response | Promise<Response>;

/** What answers a gateway. */
export interface Authorizer {
  /**
   * Makes sure that the operator's gateway asks.
   *
   * @returns Whether it hands refused requests over to the function.
   * @throws {SwapProxyError} `path_not_found`, `gateway_not_allowed`.
   */
  admit(headers: Headers): boolean;
  /**
   * Judges the request that the gateway names.
   *
   * @param request The gateway's.
   * @param appended From the router.
   * @throws {SwapProxyError} `gateway_request_invalid`, `path_not_found`, `method_not_allowed`.
   */
  judge(request: Request, appended: string | undefined): Answer;
}

/**
 * Makes what answers a gateway: `/-/authorize` judges the request that the gateway names by the rules of every
 * other request, and never reads a body.
 *
 * @param route From `createRequestRouter`.
 */
export function createAuthorizer(
  { checkGateway, keySource, now }: ProxySettings,
  route: RequestRouter,
): Authorizer {
  return {
    admit(headers) {
      checkGateway(headers);
      return handsOver(headers);
    },
    judge(request, appended) {
      const original = originalRequest(request, appended);
      const { method, uri } = original;
      const to = route({
        url: `http://gateway.invalid${uri}`,
        method,
        headers: request.headers,
      });
      if (to.kind !== "upstream") {
        throw new SwapProxyError("path_not_found", "The original path is not one of PostgREST");
      }
      return (verified, token) =>
        allow(original, to.pathAndQuery, token, keepSeconds(verified, keySource, now()));
    },
  };
}
