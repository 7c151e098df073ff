/** A client that keeps one connection to each proxy, as a service does. */
import { type Attempt, HttpConnection, requestText, verdict } from "@countersign/fixture";
import type { Answer } from "./model.ts";

export class Client implements Disposable {
  readonly #patience: number;
  readonly #connections = new Map<string, HttpConnection>();

  /** @param patience Milliseconds until it hangs up; every time-out of the proxy's is far shorter. */
  constructor(patience: number) {
    this.#patience = patience;
  }

  async send(
    origin: string,
    attempt: Attempt,
    token: string,
  ): Promise<Answer & { readonly text: string }> {
    const sent = performance.now();
    const answer = (verdict: string, text = "") => ({
      sent,
      answered: performance.now(),
      verdict,
      text,
    });
    const timer = setTimeout(() => this.#drop(origin), this.#patience);
    try {
      const connection = this.#connections.get(origin) ?? await HttpConnection.open(origin);
      this.#connections.set(origin, connection);
      const given = await connection.send(requestText(attempt, token));
      if (given.headers.get("connection") === "close") this.#drop(origin);
      return answer(verdict(given), given.text);
    } catch {
      // The connection broke, and with it whatever would have been said about the write.
      this.#drop(origin);
      return answer("no answer");
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends and hangs up at once. */
  async leave(origin: string, attempt: Attempt, token: string): Promise<void> {
    const { hostname, port } = new URL(origin);
    try {
      using socket = await Deno.connect({ hostname, port: Number(port) });
      await socket.write(new TextEncoder().encode(requestText(attempt, token)));
    } catch {
      // Nobody was there to hang up on.
    }
  }

  [Symbol.dispose](): void {
    for (const origin of this.#connections.keys()) this.#drop(origin);
  }

  #drop(origin: string): void {
    try {
      this.#connections.get(origin)?.[Symbol.dispose]();
    } catch {
      // The other side closed it first.
    }
    this.#connections.delete(origin);
  }
}
