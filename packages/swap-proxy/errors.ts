import type { TokenRejection } from "./upstream/token_rejection.ts";

/** Why the proxy itself refused a request or could not answer it. Closed: adding one changes the public API. */
export type ProxyReason =
  | "host_invalid"
  | "path_not_found"
  | "method_not_allowed"
  | "gateway_not_allowed"
  | "gateway_request_invalid"
  | "token_missing"
  | "token_empty"
  | "credentials_invalid"
  | "seal_key_missing"
  | "upstream_unreachable"
  | "upstream_timeout"
  | "upstream_not_found"
  | "upstream_invalid"
  | "downstream_token_rejected"
  | "role_claim_ignored"
  | "token_request_invalid"
  | "client_authentication_not_supported"
  | "grant_type_not_supported"
  | "scope_not_allowed"
  | "audience_not_allowed"
  | "exchange_not_allowed"
  | "guard_required"
  | "client_closed"
  | "internal_error";

/** The `code` of a {@linkcode SwapProxyError}. */
export type SwapProxyErrorCode = ProxyReason | "configuration_invalid";

/** What a {@linkcode SwapProxyError} knows besides its code. */
export interface SwapProxyErrorOptions extends ErrorOptions {
  /** PostgREST's own code, where it refused the downstream token. */
  readonly upstreamCode?: TokenRejection;
}

/**
 * What this package throws. The message never holds a token, a key or anything that a caller sent.
 *
 * @example Tell the codes apart
 * ```ts
 * import { SwapProxyError } from "@countersign/swap-proxy";
 * import assert from "node:assert/strict";
 *
 * const error = new SwapProxyError("upstream_timeout", "The upstream did not answer in time");
 * assert.equal(error.code, "upstream_timeout");
 * ```
 */
export class SwapProxyError extends Error {
  /** Which of the closed set of failures this is. */
  readonly code: SwapProxyErrorCode;
  /** PostgREST's own code, where it refused the downstream token. */
  readonly upstreamCode: TokenRejection | undefined;

  /**
   * Makes an error.
   *
   * @param code One of the closed set.
   * @param message What happened, without anything secret or unverified.
   * @param options The error underneath, and PostgREST's code.
   */
  constructor(code: SwapProxyErrorCode, message: string, options?: SwapProxyErrorOptions) {
    super(message, options);
    this.name = "SwapProxyError";
    this.code = code;
    this.upstreamCode = options?.upstreamCode;
  }
}

/** One thing that is wrong with a configuration. */
export interface ConfigurationProblem {
  /** The environment variable or option to fix. */
  readonly name: string;
  /** What is wrong and how to fix it, without the value where that could be a secret. */
  readonly message: string;
}

/**
 * A configuration that cannot work, found at the start and not at the first request. Names everything
 * that is wrong at once, and never repeats a secret.
 *
 * @example Read what is wrong
 * ```ts
 * import { ConfigurationError, proxyOptionsFromEnv } from "@countersign/swap-proxy";
 * import assert from "node:assert/strict";
 *
 * assert.throws(
 *   () => proxyOptionsFromEnv({}),
 *   (error) => error instanceof ConfigurationError && error.problems[0]?.name === "SUPABASE_URL",
 * );
 * ```
 */
export class ConfigurationError extends SwapProxyError {
  /** All that is wrong. At least one. */
  readonly problems: readonly ConfigurationProblem[];

  /**
   * Makes an error of all problems at once.
   *
   * @param problems All that is wrong. At least one.
   * @param options `cause`: the error underneath.
   */
  constructor(problems: readonly ConfigurationProblem[], options?: ErrorOptions) {
    super(
      "configuration_invalid",
      problems.map(({ name, message }) => `"${name}": ${message}`).join("; "),
      options,
    );
    this.name = "ConfigurationError";
    this.problems = problems;
  }
}
