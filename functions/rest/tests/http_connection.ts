/**
 * One HTTP/1.1 connection with exactly the bytes it is given: `fetch` mends paths and joins
 * headers, which is what an attacker would not do, and a load test must not pay for.
 */
const CRLF = "\r\n";
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class HttpAnswer {
  readonly status: number;
  readonly #head: string;
  readonly body: Uint8Array;

  constructor(head: string, body: Uint8Array) {
    this.status = Number(head.slice(9, 12));
    this.#head = head;
    this.body = body;
  }

  get headers(): Headers {
    const headers = new Headers();
    for (const line of this.#head.split(CRLF).slice(1)) {
      const colon = line.indexOf(":");
      if (colon > 0) headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
    }
    return headers;
  }

  get text(): string {
    return decoder.decode(this.body);
  }

  get wire(): string {
    return `${this.#head}${CRLF}${CRLF}${this.text}`;
  }
}

export class HttpConnection implements Disposable {
  readonly #socket: Deno.TcpConn;
  #pending: Uint8Array<ArrayBufferLike> = new Uint8Array(0);
  readonly #chunk = new Uint8Array(64 * 1024);

  private constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
  }

  static async open(origin: string): Promise<HttpConnection> {
    const { hostname, port } = new URL(origin);
    const socket = await Deno.connect({ hostname, port: Number(port) });
    socket.setNoDelay(true);
    return new HttpConnection(socket);
  }

  /** Sends the bytes as they are and reads one answer. */
  async send(request: string | Uint8Array): Promise<HttpAnswer> {
    const bytes = typeof request === "string" ? encoder.encode(request) : request;
    for (let sent = 0; sent < bytes.length;) sent += await this.#socket.write(bytes.subarray(sent));
    const head = decoder.decode(await this.#until(CRLF + CRLF));
    const withoutBody = decoder.decode(bytes.subarray(0, 5)) === "HEAD " ||
      /^HTTP\/1\.1 (?:1\d\d|204|304) /.test(head);
    return new HttpAnswer(head, withoutBody ? new Uint8Array(0) : await this.#body(head));
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  async #body(head: string): Promise<Uint8Array> {
    const length = /^content-length: *(\d+)/im.exec(head)?.[1];
    if (length !== undefined) return await this.#take(Number(length));
    if (!/^transfer-encoding: *chunked/im.test(head)) return await this.#rest();
    const chunks: Uint8Array[] = [];
    for (;;) {
      const size = parseInt(decoder.decode(await this.#until(CRLF)), 16);
      if (size > 0) chunks.push(await this.#take(size));
      await this.#until(CRLF);
      if (size === 0) return concat(chunks);
    }
  }

  async #until(delimiter: string): Promise<Uint8Array> {
    const wanted = encoder.encode(delimiter);
    for (;;) {
      const at = indexOf(this.#pending, wanted);
      if (at >= 0) {
        const found = this.#pending.slice(0, at);
        this.#pending = this.#pending.subarray(at + wanted.length);
        return found;
      }
      if (!await this.#read()) {
        throw new Error("The server closed the connection before it answered");
      }
    }
  }

  async #take(length: number): Promise<Uint8Array> {
    while (this.#pending.length < length) {
      if (!await this.#read()) throw new Error("The server closed the connection inside a body");
    }
    const taken = this.#pending.slice(0, length);
    this.#pending = this.#pending.subarray(length);
    return taken;
  }

  async #rest(): Promise<Uint8Array> {
    while (await this.#read());
    return this.#pending;
  }

  async #read(): Promise<boolean> {
    const read = await this.#socket.read(this.#chunk);
    if (read === null) return false;
    this.#pending = this.#pending.length === 0
      ? this.#chunk.slice(0, read)
      : concat([this.#pending, this.#chunk.subarray(0, read)]);
    return true;
  }
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  outer: for (let at = 0; at <= bytes.length - wanted.length; at++) {
    for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) continue outer;
    return at;
  }
  return -1;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
