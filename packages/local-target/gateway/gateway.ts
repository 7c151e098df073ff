import { LocalTargetError } from "../errors.ts";
import type { ProjectKeys } from "../keys/keys.ts";

/** How a gateway is set up. */
export interface GatewayOptions {
  readonly port: number;
  readonly keys: ProjectKeys;
  /** `cli` also rewrites the `Authorization` of requests for functions, as the CLI's Kong does. */
  readonly flavour: "hosted" | "cli";
}

/** What is behind a gateway. A member is missing until it has started. */
export interface GatewayUpstreams {
  postgrest?: string;
  /** The function of one name. */
  function?: { readonly name: string; readonly at: string | FunctionHandler };
}

/** A function that runs in this process. */
export type FunctionHandler = (request: Request) => Response | Promise<Response>;

/** Meant for one hop (RFC 9110 §7.6.1), or rewritten here. */
const NOT_FORWARDED = [
  "connection",
  "content-length",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** What a function sees as its own origin: never the public one, from which an upstream must not be built. */
const FUNCTION_ORIGIN = "http://edge-runtime.internal";

/**
 * The target's front door: what the platform's gateway does to a request before PostgREST or a function sees
 * it.
 *
 * Does **not** verify JWTs (PostgREST does, and functions run as with `verify_jwt = false`), limit rates, or
 * know Auth, Storage, Realtime or GraphQL: they answer 404.
 */
export class Gateway {
  /** Set as the target starts. */
  readonly upstreams: GatewayUpstreams = {};
  /** The origin, without a slash at the end. */
  readonly url: string;

  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #closing = new AbortController();
  readonly #clients = new Map<string, Deno.HttpClient>();
  readonly #flavour: GatewayOptions["flavour"];
  /** Each API key, and the JWT that it stands for. */
  readonly #jwts: ReadonlyMap<string, string>;

  constructor({ port, keys, flavour }: GatewayOptions) {
    this.#flavour = flavour;
    this.#jwts = new Map([
      [keys.publishableKey, keys.anonKey],
      [keys.secretKey, keys.serviceRoleKey],
      [keys.anonKey, keys.anonKey],
      [keys.serviceRoleKey, keys.serviceRoleKey],
    ]);
    try {
      this.#server = Deno.serve(
        { hostname: "127.0.0.1", port, signal: this.#closing.signal, onListen: () => {} },
        (request, info) => this.#handle(request, info.remoteAddr),
      );
    } catch (cause) {
      const code = cause instanceof Error ? Reflect.get(cause, "code") : undefined;
      if (code !== "EADDRINUSE" && code !== "EACCES") throw cause;
      const reason = code === "EACCES" ? "permission denied" : "the port is in use";
      throw new LocalTargetError(
        "port_unavailable",
        `Cannot listen on port ${port} of 127.0.0.1: ${reason}`,
        { cause },
      );
    }
    this.url = `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Closes at once, also the connections in use. */
  async stop(): Promise<void> {
    this.#closing.abort();
    await this.#server.finished;
    for (const client of this.#clients.values()) client.close();
  }

  #handle(request: Request, client: Deno.NetAddr): Response | Promise<Response> {
    const url = new URL(request.url);
    const headers = new Headers(request.headers);
    forwardedHeaders(headers, url, client);
    if (isUnder(url.pathname, "/rest/v1")) return this.#rest(request, url, headers);
    if (isUnder(url.pathname, "/functions/v1")) return this.#function(request, url, headers);
    return refusal(404, "no Route matched with those values");
  }

  #rest(request: Request, url: URL, headers: Headers): Response | Promise<Response> {
    const upstream = this.upstreams.postgrest;
    if (upstream === undefined) return refusal(503, "PostgREST has not been started");
    // A browser's preflight cannot carry the key; PostgREST answers it.
    const isPreflight = request.method === "OPTIONS" &&
      headers.has("access-control-request-method");
    const refused = isPreflight ? undefined : this.#authorizeRest(url, headers);
    if (refused !== undefined) return refused;
    const path = url.pathname.slice("/rest/v1".length) || "/";
    return this.#forward(request, headers, upstream + path + url.search);
  }

  #function(request: Request, url: URL, headers: Headers): Response | Promise<Response> {
    const target = this.upstreams.function;
    const path = url.pathname.slice("/functions/v1".length);
    if (target === undefined || !isUnder(path, `/${target.name}`)) {
      return refusal(404, "Requested function was not found");
    }
    const apikey = headers.get("apikey");
    if (this.#isSecretKeyInBrowser(apikey, headers)) return secretKeyInBrowser();
    if (this.#flavour === "cli") this.#authorizeLikeKong(apikey, headers);
    if (typeof target.at === "string") {
      return this.#forward(request, headers, target.at + path + url.search);
    }
    return target.at(
      new Request(FUNCTION_ORIGIN + path + url.search, {
        method: request.method,
        headers,
        body: request.body,
        signal: request.signal,
      }),
    );
  }

  #authorizeRest(url: URL, headers: Headers): Response | undefined {
    const apikey = headers.get("apikey") ?? url.searchParams.get("apikey");
    // PostgREST would take it for a filter. Deleting reserializes the whole query, so only if needed.
    if (url.searchParams.has("apikey")) url.searchParams.delete("apikey");
    if (apikey === null) {
      return refusal(401, "No API key found in request", "Send it as the header `apikey`.");
    }
    const jwt = this.#jwts.get(apikey);
    if (jwt === undefined) {
      return refusal(401, "Invalid API key", "Check the anon, publishable or secret key.");
    }
    if (this.#isSecretKeyInBrowser(apikey, headers)) return secretKeyInBrowser();
    const authorization = headers.get("authorization");
    if (authorization === null || authorization === `Bearer ${apikey}`) {
      headers.set("authorization", `Bearer ${jwt}`);
    } else if (authorization.startsWith("Bearer sb_")) {
      return refusal(
        401,
        "Invalid API key",
        "`Authorization` takes an API key only if it equals `apikey`.",
      );
    }
    return undefined;
  }

  /** The request transformer of the CLI's Kong: a function may be handed the target's own token. */
  #authorizeLikeKong(apikey: string | null, headers: Headers): void {
    const authorization = headers.get("authorization");
    if (apikey === null || (authorization !== null && !authorization.startsWith("Bearer sb_"))) {
      return;
    }
    headers.set("authorization", `Bearer ${this.#jwts.get(apikey) ?? apikey}`);
  }

  #isSecretKeyInBrowser(apikey: string | null, headers: Headers): boolean {
    return apikey !== null && apikey.startsWith("sb_secret_") &&
      (headers.get("user-agent") ?? "").includes("Mozilla/");
  }

  /** Connects to the address itself: the environment's HTTP_PROXY cannot reach this machine's loopback. */
  #clientTo({ origin, hostname, port }: URL): Deno.HttpClient {
    const known = this.#clients.get(origin);
    if (known !== undefined) return known;
    const client = Deno.createHttpClient({
      poolMaxIdlePerHost: 64,
      proxy: { transport: "tcp", hostname, port: Number(port) },
    });
    this.#clients.set(origin, client);
    return client;
  }

  async #forward(request: Request, headers: Headers, to: string): Promise<Response> {
    // Deno's fetch decodes a body, and leaves its headers as they are, unless it was asked for no coding.
    headers.set("accept-encoding", "identity");
    try {
      const upstream = await fetch(to, {
        method: request.method,
        headers,
        body: request.body,
        redirect: "manual",
        signal: request.signal,
        client: this.#clientTo(new URL(to)),
      });
      const answer = new Headers(upstream.headers);
      removeHopByHop(answer);
      return new Response(upstream.body, { status: upstream.status, headers: answer });
    } catch (error) {
      if (request.signal.aborted) return refusal(499, "The client has left");
      if (!(error instanceof TypeError)) throw error;
      return refusal(502, "An invalid response was received from the upstream server");
    }
  }
}

/** At a segment's boundary: `/rest/v10` is not under `/rest/v1`. */
function isUnder(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`);
}

function forwardedHeaders(headers: Headers, url: URL, client: Deno.NetAddr): void {
  removeHopByHop(headers);
  headers.set("x-forwarded-for", client.hostname);
  headers.set("x-forwarded-host", url.hostname);
  headers.set("x-forwarded-port", url.port);
  headers.set("x-forwarded-proto", "http");
  headers.set("x-forwarded-path", url.pathname);
}

function removeHopByHop(headers: Headers): void {
  for (const name of headers.get("connection")?.split(",") ?? []) {
    if (/^[\w-]+$/.test(name.trim())) headers.delete(name.trim());
  }
  for (const name of NOT_FORWARDED) headers.delete(name);
}

function secretKeyInBrowser(): Response {
  return refusal(401, "Forbidden use of secret API key in browser", "Use the publishable key.");
}

function refusal(status: number, message: string, hint?: string): Response {
  return Response.json(hint === undefined ? { message } : { message, hint }, { status });
}
