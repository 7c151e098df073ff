import { ConfigurationError, type ConfigurationProblem } from "@countersign/swap-proxy";
import { CliError } from "../errors.ts";
import { openProxyServer, type ServerAddress } from "./proxy_server.ts";

/** What a worker is told, once, beside the port that it reports to. */
export interface WorkerOrder {
  readonly env: Readonly<Record<string, string>>;
  readonly address: ServerAddress;
}

/** What a worker says. Errors arrive as plain data: a class does not survive the way between threads. */
export type WorkerReport =
  | { readonly type: "listening"; readonly port: number }
  | { readonly type: "misconfigured"; readonly problems: readonly ConfigurationProblem[] }
  | { readonly type: "failed"; readonly message: string }
  | { readonly type: "ended" };

/**
 * This module. Whoever starts a worker imports it for its name, so that it is loaded, checked and cached with the
 * command and not fetched when the first worker starts.
 */
export const SERVE_WORKER = new URL(import.meta.url);

if (import.meta.main) {
  addEventListener("message", (event) => {
    const parent = event instanceof MessageEvent ? event.ports[0] : undefined;
    if (!(event instanceof MessageEvent) || parent === undefined) {
      throw new TypeError("Expected an order, and a port to report to");
    }
    return serve(event.data, parent);
  });
}

/** Serves until the parent says anything. What is not foreseen here ends the worker, and so the process. */
async function serve({ env, address }: WorkerOrder, parent: MessagePort): Promise<void> {
  const report = (what: WorkerReport) => parent.postMessage(what);
  try {
    const server = await openProxyServer(env, address);
    let stopping: PromiseLike<void> | undefined;
    const stop = () =>
      stopping ??= server[Symbol.asyncDispose]().then(() => report({ type: "ended" }));
    server.ended.then(stop);
    parent.onmessage = stop;
    report({ type: "listening", port: server.port });
  } catch (error) {
    if (error instanceof ConfigurationError) {
      report({ type: "misconfigured", problems: error.problems });
    } else if (error instanceof CliError) {
      report({ type: "failed", message: error.message });
    } else {
      throw error;
    }
  }
}
