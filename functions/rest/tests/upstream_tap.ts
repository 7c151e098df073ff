/** What the function sent upstream: header names and values as they arrived. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
}

type Answer = (request: Request) => Response | Promise<Response>;

/**
 * Stands between the function and PostgREST: counts what PostgREST is asked, and can answer in its
 * place (an upstream that hangs, breaks off or never ends).
 */
export class UpstreamTap implements AsyncDisposable {
  readonly #destination: string;
  #server: Deno.HttpServer<Deno.NetAddr>;
  #answer: Answer | undefined;
  readonly asked: Asked[] = [];

  constructor(destination: string) {
    this.#destination = destination;
    this.#server = this.#serve(0);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Answers in PostgREST's place while `use` runs. */
  async answering(answer: Answer, use: () => Promise<void>): Promise<void> {
    this.#answer = answer;
    try {
      await use();
    } finally {
      this.#answer = undefined;
    }
  }

  /** Nothing listens while `use` runs. */
  async down(use: () => Promise<void>): Promise<void> {
    const { port } = this.#server.addr;
    await this.#server.shutdown();
    try {
      await use();
    } finally {
      this.#server = this.#serve(port);
    }
  }

  /** Answers every request with these bytes and closes, while `use` runs. */
  async sending(bytes: string, use: () => Promise<void>): Promise<void> {
    const { port } = this.#server.addr;
    await this.down(async () => {
      const listener = Deno.listen({ hostname: "127.0.0.1", port });
      const answering = (async () => {
        for await (const socket of listener) {
          await socket.read(new Uint8Array(16 * 1024));
          await socket.write(new TextEncoder().encode(bytes));
          socket.close();
        }
      })();
      try {
        await use();
      } finally {
        listener.close();
        await answering;
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  #serve(port: number): Deno.HttpServer<Deno.NetAddr> {
    return Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, (request) => {
      const { pathname, search } = new URL(request.url);
      this.asked.push({
        method: request.method,
        path: pathname + search,
        headers: request.headers,
      });
      if (this.#answer !== undefined) return this.#answer(request);
      const headers = new Headers(request.headers);
      headers.delete("host");
      return fetch(this.#destination + pathname + search, {
        method: request.method,
        headers,
        body: request.body,
        redirect: "manual",
        signal: request.signal,
      });
    });
  }
}
