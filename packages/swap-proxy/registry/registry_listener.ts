import type { PostgresClient, PostgresListener } from "@countersign/postgres";

const CHANNEL = "countersign_registry";

/** What the listener reports to the key source. */
export interface RegistryListenerHandlers {
  /** A change of this issuer, or of anything where the name is empty, has been committed. */
  onChange(issuer: string): void;
  /** Listening began; what was announced before that is not known. */
  onListening(): void;
}

/** LISTEN on the registry's channel, for clients that can. */
export class RegistryListener {
  readonly #client: PostgresClient;
  readonly #handlers: RegistryListenerHandlers;
  #listener: Promise<PostgresListener | undefined> | undefined;
  #closed = false;

  constructor(client: PostgresClient, handlers: RegistryListenerHandlers) {
    this.#client = client;
    this.#handlers = handlers;
  }

  /** Starts, unless it has started or the client can't listen. */
  start(): void {
    if (this.#closed || this.#client.listen === undefined) return;
    this.#listener ??= this.#listen(this.#client.listen.bind(this.#client));
  }

  /** Stops listening, for good. */
  async close(): Promise<void> {
    this.#closed = true;
    await (await this.#listener)?.stop();
  }

  async #listen(
    listen: NonNullable<PostgresClient["listen"]>,
  ): Promise<PostgresListener | undefined> {
    try {
      return await listen(
        CHANNEL,
        (issuer) => this.#handlers.onChange(issuer),
        () => this.#handlers.onListening(),
      );
    } catch {
      // Polling goes on, and its next success starts another attempt.
      this.#listener = undefined;
      return undefined;
    }
  }
}
