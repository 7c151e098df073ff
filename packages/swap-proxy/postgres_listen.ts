import { backoff } from "./backoff.ts";
import type { PostgresListener } from "./postgres_client.ts";

/** A connection that is meant to listen. */
export interface ListeningConnection {
  /** Settles when LISTEN has been answered. */
  readonly listening: Promise<unknown>;
  end(): Promise<void>;
}

/** What a listening connection tells. */
export interface ListeningHooks {
  onNotify(payload: string): void;
  /** The connection is over. */
  onEnd(): void;
}

/**
 * Listens, and listens again, with growing pauses, for as long as it is not stopped.
 *
 * @param connect Opens a connection and sends LISTEN.
 * @param onListening Called each time listening begins.
 */
export function listenAndGoOn(
  connect: (hooks: ListeningHooks) => ListeningConnection,
  onNotify: (payload: string) => void,
  onListening: () => void,
): PostgresListener {
  let stopped = false;
  let failures = 0;
  let connection: ListeningConnection | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function attempt(): void {
    let over = false;
    const lost = (error?: unknown) => {
      if (over) return;
      over = true;
      connection?.end();
      if (!stopped) timer = setTimeout(attempt, backoff(++failures, error));
    };
    connection = connect({ onNotify, onEnd: () => lost() });
    connection.listening.then(() => {
      if (over || stopped) return;
      failures = 0;
      onListening();
    }, lost);
  }

  attempt();
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await connection?.end();
    },
  };
}
