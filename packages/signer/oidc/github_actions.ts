import { SignerError } from "../errors.ts";

/** Hands out a token that a platform has made for this job, each time it is called. */
export type OidcToken = () => Promise<string>;

/** Options of `githubActions`. */
export interface GithubActionsOptions {
  /** The audience that the target's rule names; becomes `aud`. Usually the project's URL. */
  audience: string;
  /** How to reach GitHub. Default: the global `fetch`. */
  fetch?: typeof globalThis.fetch;
  /** Where GitHub's runner says how to ask. Default: the environment of the process. */
  env?: Readonly<Record<string, string | undefined>>;
}

const URL_VARIABLE = "ACTIONS_ID_TOKEN_REQUEST_URL";
const TOKEN_VARIABLE = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";
/** Milliseconds. */
const TIMEOUT = 10_000;
/** Characters; a target takes no longer token. */
const MAX_LENGTH = 8_192;

/**
 * Asks GitHub for the OpenID Connect token of the job that this runs in. The job needs `permissions: id-token: write`.
 *
 * **Does not** verify the token, or keep it: each call asks again. `createTokenSource` keeps it while it lives.
 *
 * @param options The audience.
 * @returns A function for the option `oidc` of `createTokenSource`. It rejects with a {@linkcode SignerError}
 * `oidc_unavailable` where GitHub gives no token.
 * @throws {SignerError} `invalid_audience`.
 *
 * @example Outside of a job there is no token
 * ```ts
 * import { githubActions } from "@countersign/signer";
 * import assert from "node:assert/strict";
 *
 * const oidc = githubActions({ audience: "https://ref.supabase.co", env: {} });
 * await assert.rejects(oidc(), { code: "oidc_unavailable" });
 * ```
 */
export function githubActions(options: GithubActionsOptions): OidcToken {
  const { audience, fetch = globalThis.fetch } = options;
  if (typeof audience !== "string" || audience === "") {
    throw new SignerError(
      "invalid_audience",
      "Audience is empty, expected the one that the rule names",
    );
  }
  return async () => {
    const env = options.env ?? environment();
    const requestUrl = env[URL_VARIABLE];
    const requestToken = env[TOKEN_VARIABLE];
    if (!requestUrl || !requestToken) {
      throw unavailable(
        `"${URL_VARIABLE}" is not set, expected a GitHub Actions job with "permissions: id-token: write"`,
      );
    }
    const url = new URL(requestUrl);
    url.searchParams.set("audience", audience);
    const answer = await ask(fetch, url, requestToken);
    const value: unknown = typeof answer === "object" && answer !== null
      ? Reflect.get(answer, "value")
      : undefined;
    if (typeof value === "string" && value !== "" && value.length <= MAX_LENGTH) return value;
    throw unavailable("GitHub answered without a token");
  };
}

/** What the platform says about a failure may quote the request's own token, so it goes no further. */
async function ask(fetch: typeof globalThis.fetch, url: URL, token: string): Promise<unknown> {
  let status: number;
  try {
    const response = await fetch(url, {
      headers: { authorization: `Bearer ${token}`, accept: "application/json" },
      // A redirect would take the job's token to another host.
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT),
    });
    status = response.status;
    if (status === 200) return await response.json();
    await response.body?.cancel();
  } catch {
    throw unavailable("GitHub cannot be reached");
  }
  throw unavailable(`GitHub answered with status ${status}`);
}

function unavailable(message: string): SignerError {
  return new SignerError("oidc_unavailable", message);
}

/** Node, Deno and Bun all have it; Workers don't, and aren't where jobs run. */
function environment(): Readonly<Record<string, string | undefined>> {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  return process?.env ?? {};
}
