const decoder = new TextDecoder();

/** Stands between the function and its registry, so that a test can take the registry away. */
export class TcpRelay implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #sockets = new Set<Deno.TcpConn>();
  readonly #destination: { hostname: string; port: number };
  #state: "open" | "cut" | "held" = "open";
  #resume = Promise.withResolvers<void>();
  /** How often the client sent something: at least once for every statement. */
  asked = 0;
  #delay = 0;
  #delayChanged = Promise.withResolvers<void>();
  readonly #listening = new Set<Deno.TcpConn>();
  readonly #silent = new Set<Deno.TcpConn>();

  constructor(destinationUrl: string) {
    const { hostname, port } = new URL(destinationUrl);
    this.#destination = { hostname, port: Number(port) };
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#accept();
  }

  /**
   * Milliseconds by which whatever the client sends is late. What waits goes on at once when this
   * changes: a network that is fast again holds nothing back.
   */
  get delay(): number {
    return this.#delay;
  }

  set delay(milliseconds: number) {
    this.#delay = milliseconds;
    this.#delayChanged.resolve();
    this.#delayChanged = Promise.withResolvers();
  }

  /** The given URL, leading through this relay. */
  through(url: string): string {
    const relayed = new URL(url);
    relayed.hostname = "127.0.0.1";
    relayed.port = String(this.#listener.addr.port);
    return relayed.href;
  }

  /** Closes every connection and turns new ones away. */
  cut(): void {
    this.#set("cut");
    this.#closeAll();
  }

  /** Keeps the connections and lets no byte through: a registry that hangs. */
  hold(): void {
    this.#set("held");
  }

  /**
   * Every connection that has sent LISTEN loses what is sent from now on, and nobody is told: a
   * router that forgot it.
   */
  silenceListeners(): void {
    for (const socket of this.#listening) this.#silent.add(socket);
  }

  open(): void {
    this.#set("open");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#listener.close();
    await Promise.resolve();
  }

  #set(state: "open" | "cut" | "held"): void {
    this.#state = state;
    if (state === "held") return;
    this.#resume.resolve();
    this.#resume = Promise.withResolvers();
  }

  async #accept(): Promise<void> {
    for await (const inbound of this.#listener) {
      if (this.#state === "cut") {
        inbound.close();
        continue;
      }
      const outbound = await Deno.connect(this.#destination).catch(() => undefined);
      if (outbound === undefined) {
        inbound.close();
        continue;
      }
      for (const socket of [inbound, outbound]) {
        socket.setNoDelay(true);
        this.#sockets.add(socket);
      }
      this.#pump(inbound, outbound, (sent) => {
        this.asked++;
        if (!decoder.decode(sent).includes("listen ")) return;
        this.#listening.add(inbound).add(outbound);
      });
      this.#pump(outbound, inbound);
    }
  }

  async #pump(
    from: Deno.TcpConn,
    to: Deno.TcpConn,
    onChunk?: (sent: Uint8Array) => void,
  ): Promise<void> {
    const chunk = new Uint8Array(16 * 1024);
    try {
      for (let read; (read = await from.read(chunk)) !== null;) {
        onChunk?.(chunk.subarray(0, read));
        if (this.#silent.has(from)) continue;
        if (onChunk && this.#delay > 0) await this.#late();
        while (this.#state === "held") await this.#resume.promise;
        for (let sent = 0; sent < read;) sent += await to.write(chunk.subarray(sent, read));
      }
    } catch {
      // Either side went away, or cut() closed them: the other side is told the same below.
    }
    this.#close(from);
    this.#close(to);
  }

  async #late(): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, this.#delay);
    await Promise.race([late.promise, this.#delayChanged.promise]);
    clearTimeout(timer);
  }

  #closeAll(): void {
    for (const socket of this.#sockets) this.#close(socket);
  }

  #close(socket: Deno.TcpConn): void {
    this.#listening.delete(socket);
    this.#silent.delete(socket);
    if (this.#sockets.delete(socket)) socket.close();
  }
}
