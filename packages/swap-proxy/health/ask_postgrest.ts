import type { ForwardSettings } from "../upstream/forward.ts";

/** Milliseconds that PostgREST has to answer a question of ours. */
const TIMEOUT = 5_000;
/** PostgREST's errors are a fraction of this. */
const MAX_BYTES = 64 * 1024;

/** What PostgREST, or whoever stands in its place, answered. */
export interface PostgrestAnswer {
  readonly status: number;
  /** `code` of a JSON body: PostgREST's own (`PGRST…`), a SQLSTATE, or the guard's. */
  readonly code: string | undefined;
  /** `message` of that body. */
  readonly message: string;
  /** Whether PostgREST ran it: its lists have a `Content-Range`, its description a content type of its own. */
  readonly isResult: boolean;
}

/** What to ask for. */
export interface Question {
  readonly path: string;
  /** The schema, where it is not the first that is exposed. */
  readonly schema?: string;
}

/**
 * What starts a transaction without being known to the target's owner: a view of ours, and where its schema is not
 * exposed the description of what is. A hidden schema and a description that is turned off leave nothing to ask.
 */
export const TRANSACTIONS: readonly Question[] = [
  { path: "/jwt_registry_version?select=version", schema: "public" },
  { path: "/" },
];

/**
 * Asks PostgREST as a request of an issuer would, with a token of our own making.
 *
 * @returns `undefined` if nothing answered in time.
 */
export async function askPostgrest(
  { upstreamUrl, apikey, fetch }: ForwardSettings,
  { path, schema }: Question,
  token: string,
): Promise<PostgrestAnswer | undefined> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT);
  try {
    const response = await fetch(upstreamUrl + path, {
      headers: {
        accept: "application/json",
        "accept-encoding": "identity",
        authorization: `Bearer ${token}`,
        ...(schema !== undefined && { "accept-profile": schema }),
        ...(apikey !== undefined && { apikey }),
      },
      redirect: "manual",
      signal: abort.signal,
    });
    const { code, message } = errorIn(await startOf(response));
    return {
      status: response.status,
      code,
      message: message ?? "",
      isResult: response.ok && isOfPostgrest(response.headers),
    };
  } catch {
    // A reset, a name that does not resolve, a body that never ends: none of them is an answer.
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

function isOfPostgrest(headers: Headers): boolean {
  return headers.has("content-range") ||
    (headers.get("content-type") ?? "").startsWith("application/openapi+json");
}

/** The body, or as much of it as an error of PostgREST's could take. */
async function startOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    text += decoder.decode(chunk, { stream: true });
    if (size > MAX_BYTES) break;
  }
  return text;
}

function errorIn(text: string): { code?: string; message?: string } {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return {};
  }
  if (typeof body !== "object" || body === null) return {};
  const code: unknown = Reflect.get(body, "code");
  const message: unknown = Reflect.get(body, "message");
  return {
    ...(typeof code === "string" && { code }),
    ...(typeof message === "string" && { message }),
  };
}
