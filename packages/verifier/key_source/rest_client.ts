import { JwtVerificationError } from "../errors.ts";
import { readProjectUrl } from "../project_url.ts";
import { POLICY_COLUMNS } from "./registry_row.ts";

/** How to reach the registry of a project. */
export interface PolicyReaderOptions {
  readonly supabaseUrl: string;
  readonly serviceRoleKey: string;
  readonly fetch: typeof fetch;
  /** Milliseconds within which the whole answer has to be there. */
  readonly queryTimeout: number;
}

/** One issuer's row, and the text that it came as. */
export interface RegistryAnswer {
  readonly row: unknown;
  readonly text: string;
}

/** Many times what an issuer with a hundred keys takes. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/**
 * Makes a function that reads one issuer's row of `jwt_issuer_policies` over PostgREST.
 *
 * It rejects on any doubt. Its errors hold neither the service key nor the issuer's name: the name comes from a
 * token that is not verified, and the platform's own errors quote the URL that it is part of.
 *
 * @throws {TypeError} The URL or the key is not valid.
 */
export function policyReader(
  options: PolicyReaderOptions,
): (issuer: string) => Promise<RegistryAnswer | undefined> {
  // Called as a method of the options it would have them as `this`, which Workers refuse.
  const { fetch, queryTimeout } = options;
  const endpoint = policyEndpoint(options.supabaseUrl);
  const headers = credentials(options.serviceRoleKey);
  return async (issuer) => {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), queryTimeout);
    try {
      const response = await fetch(`${endpoint}&issuer=eq.${encodeURIComponent(issuer)}`, {
        headers,
        signal: controller.signal,
        // A redirect would take the service key to another origin.
        redirect: "manual",
      });
      return readAnswer(response.status, await readBody(response));
    } catch (error) {
      if (error instanceof JwtVerificationError) throw error;
      throw unavailable(
        controller.signal.aborted
          ? `The registry did not answer within ${queryTimeout} ms`
          : "The registry cannot be reached, or its answer cannot be read",
      );
    } finally {
      clearTimeout(timer);
    }
  };
}

function policyEndpoint(supabaseUrl: string): string {
  const base = readProjectUrl(supabaseUrl);
  return `${base}/rest/v1/jwt_issuer_policies?select=${POLICY_COLUMNS.join(",")}`;
}

/** A legacy key is a JWT and goes into both headers; `sb_secret_…` is none, and goes into `apikey` only. */
function credentials(serviceRoleKey: string): Readonly<Record<string, string>> {
  if (typeof serviceRoleKey !== "string" || !/^[\x21-\x7e]+$/.test(serviceRoleKey)) {
    throw new TypeError('Expected "serviceRoleKey" to be the service_role JWT or an sb_secret key');
  }
  const isJwt = serviceRoleKey.split(".").length === 3;
  return {
    accept: "application/json",
    "accept-profile": "public",
    "cache-control": "no-cache",
    apikey: serviceRoleKey,
    ...(isJwt && { authorization: `Bearer ${serviceRoleKey}` }),
  };
}

async function readBody(response: Response): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_ANSWER_BYTES) throw unavailable("The registry's answer is too long");
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function readAnswer(status: number, text: string): RegistryAnswer | undefined {
  if (status !== 200) throw unavailable(`The registry answered with status ${status}`);
  const rows: unknown = JSON.parse(text);
  if (!Array.isArray(rows) || rows.length > 1) {
    throw unavailable("Expected the registry to answer with at most one row");
  }
  return rows.length === 0 ? undefined : { row: rows[0], text };
}

function unavailable(message: string): JwtVerificationError {
  return new JwtVerificationError("registry_unavailable", message);
}
