import { createJwtSwapProxy, proxyOptionsFromEnv } from "@countersign/swap-proxy";
import { CliError } from "../errors.ts";

/** Where to listen. */
export interface ServerAddress {
  readonly hostname: string;
  /** 0: a free one. */
  readonly port: number;
  /**
   * `claim` opens a port to other workers, and fails where anybody listens already; `join` listens where one
   * has claimed it. Left out: the port is for one alone.
   */
  readonly share?: "claim" | "join";
}

/** The proxy while it listens. Its disposal answers what is under way first. */
export interface ProxyServer extends AsyncDisposable {
  readonly port: number;
  /** Resolves when it does not listen any more, for whatever reason. */
  readonly ended: Promise<void>;
}

/**
 * Listens with a handler and a key source of its own.
 *
 * @throws {ConfigurationError} The environment can't work.
 * @throws {CliError} `failed`: it can't listen there.
 */
export async function openProxyServer(
  env: Readonly<Record<string, string>>,
  address: ServerAddress,
): Promise<ProxyServer> {
  await using opened = new AsyncDisposableStack();
  const configuration = proxyOptionsFromEnv(env);
  opened.defer(() => configuration.close());
  const server = opened.use(listen(address, createJwtSwapProxy(configuration)));
  const held = opened.move();
  return {
    port: server.addr.port,
    ended: server.finished,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function listen(
  { hostname, port, share }: ServerAddress,
  handler: (request: Request) => Promise<Response>,
): Deno.HttpServer<Deno.NetAddr> {
  try {
    // SO_REUSEPORT lets any process of the same user join: two proxies would halve each other's requests unnoticed.
    if (share === "claim" && port !== 0) Deno.listen({ hostname, port }).close();
    return Deno.serve(
      { hostname, port, reusePort: share !== undefined, onListen: () => {} },
      handler,
    );
  } catch (error) {
    throw new CliError("failed", cannotListen(error, hostname, port), { cause: error });
  }
}

function cannotListen(error: unknown, hostname: string, port: number): string {
  if (error instanceof Deno.errors.AddrInUse) {
    return `Cannot listen on port ${port} of "${hostname}": the port is in use`;
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return `Cannot listen on port ${port}: permission denied; ports from 1024 on need no privilege`;
  }
  if (error instanceof Deno.errors.NotCapable) {
    return `Cannot listen on "${hostname}:${port}": Deno needs --allow-net`;
  }
  return `Expected --hostname to be an address of this machine, found "${hostname}"`;
}
