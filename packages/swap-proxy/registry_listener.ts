import type { PostgresClient, PostgresListener } from "./postgres_client.ts";

const CHANNEL = "countersign_registry";
/** Milliseconds that a notification may come after the change was seen by polling. */
const GRACE = 1_000;

/** What the listener tells the key source. */
export interface RegistryListenerHandlers {
  /** A change of this issuer, or of anything where the name is empty, has been committed. */
  onChange(issuer: string): void;
  /** Listening began; what was announced before that is not known. */
  onListening(): void;
}

/**
 * LISTEN on the registry's channel, for clients that can. A connection that was cut without a word is found
 * out by evidence: polling sees a change that was never announced. Then it listens anew.
 */
export class RegistryListener {
  readonly #client: PostgresClient;
  readonly #handlers: RegistryListenerHandlers;
  readonly #now: () => number;
  #listener: Promise<PostgresListener | undefined> | undefined;
  #closed = false;
  #lastAnnounced = -Infinity;
  /** A change that polling saw: not announced unless a notification came after `since`. */
  #seen: { readonly since: number; readonly at: number } | undefined;

  constructor(client: PostgresClient, handlers: RegistryListenerHandlers, now: () => number) {
    this.#client = client;
    this.#handlers = handlers;
    this.#now = now;
  }

  /** Starts, unless it has started or the client can't listen. */
  start(): void {
    if (this.#closed || this.#client.listen === undefined) return;
    this.#listener ??= this.#listen(this.#client.listen.bind(this.#client));
  }

  /**
   * Told of every successful poll.
   *
   * @param changed Whether the version differs from the poll before.
   * @param since When the poll before was sent.
   * @param at When this one was sent.
   */
  polled(changed: boolean, since: number, at: number): void {
    this.start();
    // One that has been announced makes room for the next, which may not be.
    const isOpen = this.#seen !== undefined && this.#lastAnnounced < this.#seen.since;
    if (changed && !isOpen) this.#seen = { since, at };
    if (this.#seen === undefined || at < this.#seen.at + GRACE) return;
    const announced = this.#lastAnnounced >= this.#seen.since;
    this.#seen = undefined;
    if (!announced) this.#listenAnew();
  }

  /** Stops listening, for good. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#stop();
  }

  #listenAnew(): void {
    this.#stop().then(() => this.start(), () => this.start());
  }

  async #listen(
    listen: NonNullable<PostgresClient["listen"]>,
  ): Promise<PostgresListener | undefined> {
    try {
      return await listen(
        CHANNEL,
        (issuer) => {
          this.#lastAnnounced = this.#now();
          this.#handlers.onChange(issuer);
        },
        () => this.#handlers.onListening(),
      );
    } catch {
      // Polling goes on, and its next success starts another attempt.
      this.#listener = undefined;
      return undefined;
    }
  }

  async #stop(): Promise<void> {
    const listener = this.#listener;
    this.#listener = undefined;
    await (await listener)?.stop();
  }
}
