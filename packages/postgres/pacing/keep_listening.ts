import { backoff } from "./backoff.ts";
import type { PostgresListener } from "../postgres_client.ts";
import { queryTimedOut } from "./timeout.ts";

/** Milliseconds between checks whether the connection has answered. */
const LOOK = 250;
/** Milliseconds that a working connection may take to answer. */
const PATIENCE = 500;

/** A connection that is meant to listen. */
export interface ListeningConnection {
  /** Sends LISTEN. Another time it changes nothing, and the answer shows that the connection lives. */
  listen(): Promise<unknown>;
  /** Closes the connection. */
  end(): Promise<void>;
}

/** What a listening connection reports. */
export interface ListeningHooks {
  /** A notification arrived. */
  onNotify(payload: string): void;
  /** The connection is over. */
  onEnd(): void;
}

/**
 * Listens, and listens again, with growing pauses, for as long as it is not stopped.
 *
 * A connection that was cut silently raises no error, so LISTEN is sent again and again, and a connection that has
 * not answered for 500 ms is given up, or for as long as its first answer took. Time is counted in checks, between
 * which the event loop turns: a process that stood still has not waited.
 *
 * @param connect Opens a connection.
 * @param connectTimeout Milliseconds until the first LISTEN is answered, connecting included.
 * @param onListening Called each time listening begins.
 */
export function keepListening(
  connect: (hooks: ListeningHooks) => ListeningConnection,
  connectTimeout: number,
  onNotify: (payload: string) => void,
  onListening: () => void,
): PostgresListener {
  let stopped = false;
  let failures = 0;
  let connection: ListeningConnection | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function attempt(): void {
    let over = false;
    let isListening = false;
    let isAnswered = false;
    let waited = 0;
    let patience = connectTimeout;

    const lost = (error?: unknown) => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      opened.end();
      if (!stopped) timer = setTimeout(attempt, backoff(++failures, error));
    };
    const ask = () => {
      isAnswered = false;
      waited = 0;
      opened.listen().then(() => {
        isAnswered = true;
        if (isListening || over || stopped) return;
        isListening = true;
        patience = Math.max(PATIENCE, waited);
        failures = 0;
        onListening();
      }, lost);
    };
    const look = () => {
      if (isAnswered) ask();
      else if ((waited += LOOK) >= patience) return lost(queryTimedOut(patience));
      timer = setTimeout(look, LOOK);
    };

    const opened = connection = connect({ onNotify, onEnd: () => lost() });
    ask();
    timer = setTimeout(look, LOOK);
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
