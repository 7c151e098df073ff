import { ConfigurationError } from "@countersign/swap-proxy";
import { CliError } from "../errors.ts";
import type { ProxyServer, ServerAddress } from "./proxy_server.ts";
import { SERVE_WORKER, type WorkerOrder, type WorkerReport } from "./serve_worker.ts";

/**
 * Listens on one port with several threads, each with a handler and a key source of its own; the system shares
 * connections out among them. They start, and end, all or none.
 *
 * @throws {ConfigurationError} The environment can't work.
 * @throws {CliError} `failed`: they can't listen there.
 */
export async function openProxyWorkers(
  count: number,
  env: Readonly<Record<string, string>>,
  { hostname, port }: ServerAddress,
): Promise<ProxyServer> {
  const [first, ...others] = Array.from({ length: count }, () => new ServeWorker());
  if (first === undefined) throw new RangeError("Expected one worker or more");
  const workers = [first, ...others];
  const terminate = () => workers.forEach((worker) => worker.terminate());
  try {
    const claimed = await first.start({ env, address: { hostname, port, share: "claim" } });
    await Promise.all(
      others.map((worker) =>
        worker.start({ env, address: { hostname, port: claimed, share: "join" } })
      ),
    );
    let stopping = false;
    return {
      port: claimed,
      ended: Promise.race(workers.map(({ ended }) => ended)).then(() => {
        // One that is lost takes the others along: at half the strength nobody would notice.
        if (!stopping) terminate();
      }),
      async [Symbol.asyncDispose]() {
        stopping = true;
        await Promise.all(workers.map((worker) => worker.stop()));
      },
    };
  } catch (error) {
    terminate();
    throw error;
  }
}

class ServeWorker {
  readonly #worker = new Worker(SERVE_WORKER, { type: "module" });
  readonly #channel = new MessageChannel();
  readonly #started = Promise.withResolvers<number>();
  readonly #ended = Promise.withResolvers<void>();

  constructor() {
    this.#worker.onerror = (event) => {
      // Deno has printed what went wrong; unhandled, it would end the process before this does with a sentence.
      event.preventDefault();
      this.terminate();
    };
    // One that was never told to start has nobody waiting when it is terminated.
    this.#started.promise.catch(() => {});
    this.#channel.port1.onmessage = ({ data }: MessageEvent<WorkerReport>) => this.#hear(data);
  }

  /** Resolves when it does not listen any more, for whatever reason. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Resolves with its port once it listens. */
  start(order: WorkerOrder): Promise<number> {
    this.#worker.postMessage(order, [this.#channel.port2]);
    return this.#started.promise;
  }

  /** Lets it answer what is under way. */
  async stop(): Promise<void> {
    this.#channel.port1.postMessage("stop");
    await this.ended;
    this.terminate();
  }

  terminate(): void {
    this.#channel.port1.close();
    this.#worker.terminate();
    this.#started.reject(new CliError("failed", "A worker has ended before it listened"));
    this.#ended.resolve();
  }

  #hear(report: WorkerReport): void {
    switch (report.type) {
      case "listening":
        return this.#started.resolve(report.port);
      case "misconfigured":
        return this.#started.reject(new ConfigurationError(report.problems));
      case "failed":
        return this.#started.reject(new CliError("failed", report.message));
      case "ended":
        return this.#ended.resolve();
    }
  }
}
