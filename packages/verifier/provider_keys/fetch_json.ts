import { type JsonObject, parseJsonObject } from "../token/strict_json.ts";
import { isAddress, isPrivateAddress, isPrivateHost } from "./private_address.ts";

/** Most bytes of a document, decoded: the discovery documents and key sets of large providers have 2 to 10 KB. */
const MAX_BYTES = 64 * 1024;

/** Looks up the addresses of a name; `undefined` where this runtime cannot. */
export type Resolve = (hostname: string) => Promise<readonly string[] | undefined>;

/** How a document is fetched. */
export interface FetchJsonOptions {
  readonly fetch: typeof fetch;
  readonly resolve: Resolve;
  readonly signal: AbortSignal;
  /** Whether private and loopback addresses are asked. */
  readonly allowPrivate: boolean;
}

/** A document, and what its answer says about how long it may be kept. */
export interface FetchedJson {
  readonly json: JsonObject;
  readonly cacheControl: string | null;
  readonly age: string | null;
}

/** Why a provider's document could not be had. The message is one of ours: it never quotes what was answered. */
export class FetchFailure extends Error {}

/**
 * Fetches a JSON object over https, without following redirects, and reads no more than 64 KiB of it.
 *
 * The content type is not looked at: what is no JSON object is refused, whatever it is called, and providers call theirs
 * many things.
 *
 * Unless `allowPrivate`, the host may not be a private address or a local name, nor a name that resolves to a private
 * address. Between that look-up and `fetch`'s own the name's owner could change its answer (DNS rebinding); then the
 * connection ends in the TLS handshake, before any request, unless the private host has a certificate for that name.
 *
 * @throws {FetchFailure} What was expected.
 */
export async function fetchJson(url: string, options: FetchJsonOptions): Promise<FetchedJson> {
  const { fetch, signal } = options;
  await checkHost(readHttpsUrl(url), options);
  let response: Response;
  try {
    response = await fetch(url, {
      // A redirect leads where the operator's row does not.
      redirect: "manual",
      signal,
      headers: { accept: "application/json" },
    });
  } catch (cause) {
    throw signal.aborted
      ? timedOut()
      : new FetchFailure("The provider cannot be reached", { cause });
  }
  const bytes = await readBody(response, signal);
  try {
    return {
      json: parseJsonObject(bytes),
      cacheControl: response.headers.get("cache-control"),
      age: response.headers.get("age"),
    };
  } catch {
    // The parser's error describes a token.
    throw new FetchFailure("Expected the provider's document to be one JSON object");
  }
}

function readHttpsUrl(text: string): URL {
  let url: URL | undefined;
  try {
    url = new URL(text);
  } catch {
    url = undefined;
  }
  if (url?.protocol !== "https:" || url.username !== "" || url.password !== "" || url.hash !== "") {
    throw new FetchFailure("Expected an https URL without credentials and fragment");
  }
  return url;
}

async function checkHost(
  { hostname }: URL,
  { allowPrivate, resolve, signal }: FetchJsonOptions,
): Promise<void> {
  if (allowPrivate) return;
  if (isPrivateHost(hostname)) throw privateHost();
  if (isAddress(hostname)) return;
  let addresses: readonly string[] | undefined;
  try {
    addresses = await Promise.race([resolve(hostname), abortion(signal)]);
  } catch (cause) {
    if (signal.aborted) throw timedOut();
    throw new FetchFailure("The provider's host name cannot be resolved", { cause });
  }
  if (addresses === undefined) return;
  if (addresses.length === 0 || addresses.some(isPrivateAddress)) throw privateHost();
}

/** Rejects once the signal is aborted. */
function abortion(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason), { once: true })
  );
}

function privateHost(): FetchFailure {
  return new FetchFailure(
    'Expected a public address; set "allow_private" for a provider inside this network',
  );
}

async function readBody(response: Response, signal: AbortSignal): Promise<Uint8Array> {
  try {
    if (response.status !== 200) {
      throw new FetchFailure(
        response.status >= 300 && response.status < 400 || response.type === "opaqueredirect"
          ? "The provider answered with a redirect, which is not followed"
          : `The provider answered with status ${response.status}`,
      );
    }
    if (Number(response.headers.get("content-length") ?? 0) > MAX_BYTES) throw tooLong();
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength;
      if (size > MAX_BYTES) throw tooLong();
      chunks.push(chunk);
    }
    const bytes = new Uint8Array(size);
    let offset = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, offset);
      offset += chunk.byteLength;
    }
    return bytes;
  } catch (cause) {
    if (cause instanceof FetchFailure) {
      await response.body?.cancel().catch(() => {});
      throw cause;
    }
    throw signal.aborted
      ? timedOut()
      : new FetchFailure("The provider's answer ended before its end", { cause });
  }
}

function tooLong(): FetchFailure {
  return new FetchFailure(`Expected a document of at most ${MAX_BYTES} bytes`);
}

function timedOut(): FetchFailure {
  return new FetchFailure("The provider did not answer in time");
}
