import { requestsShareWork } from "@countersign/verifier";

/**
 * Milliseconds between looks at the calls under way. A call gets a time-out of its own, and somebody to
 * watch whether its client is still there, once two looks have seen it. Nearly every answer is back before
 * that, and a timer and a watched client together cost an eighth of a whole request.
 */
const INTERVAL = 10;
/**
 * Bytes up to which a body is read before the call. Larger ones are watched on their way up, chunk by chunk: for a small
 * request that would cost a quarter of all that it takes.
 */
const SMALL = 64 * 1024;

/** Why a call was broken off. */
export type BrokenOff = "upstream_timeout" | "client_closed";

/** A call to the upstream. */
export class UpstreamCall {
  /** Why it was broken off, if it was. */
  brokenOff: BrokenOff | undefined;
  readonly #request: Request;
  readonly #now: () => number;
  readonly #abort = new AbortController();
  #client: AbortSignal | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When something of a large body went up last. */
  #movedAt = -Infinity;

  constructor(request: Request, now: () => number) {
    this.#request = request;
    this.#now = now;
  }

  /** For `fetch`. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /**
   * The request's body, for `fetch`. The time-out starts again whenever a part of a large one goes up.
   *
   * A client that breaks its upload off breaks the call off. Only whoever reads the body can know: to `fetch` it looks
   * as if the upstream had failed.
   */
  async body(): Promise<BodyInit | null> {
    const { body, headers } = this.#request;
    if (body === null) return null;
    const length = headers.get("content-length");
    if (length === null || !(Number(length) <= SMALL)) return this.#watched(body);
    try {
      return await this.#untilBrokenOff(this.#request.arrayBuffer());
    } catch (error) {
      this.brokenOff ??= "client_closed";
      throw error;
    }
  }

  /**
   * Breaks the call off when its client leaves, or nothing has moved for `timeout` milliseconds, `passed` of
   * which are over.
   */
  watch(timeout: number, passed = 0): void {
    this.#timer = setTimeout(() => this.#checkTime(timeout), timeout - passed);
    // Deno 2.1 says nothing of a client that left before it was asked for this.
    this.#client = this.#request.signal;
    this.#client.addEventListener("abort", this.#onClientGone);
    if (this.#client.aborted) this.#onClientGone();
  }

  /** Takes `watch` back. */
  unwatch(): void {
    clearTimeout(this.#timer);
    this.#client?.removeEventListener("abort", this.#onClientGone);
  }

  #checkTime(timeout: number): void {
    const left = this.#movedAt + timeout - this.#now();
    if (left > 0) this.#timer = setTimeout(() => this.#checkTime(timeout), left);
    else this.#breakOff("upstream_timeout");
  }

  readonly #onClientGone = () => this.#breakOff("client_closed");

  #breakOff(reason: BrokenOff): void {
    this.brokenOff ??= reason;
    this.#abort.abort();
  }

  /** The same stream, chunk by chunk, with nothing kept. */
  #watched(body: NonNullable<Request["body"]>): NonNullable<Request["body"]> {
    const reader = body.getReader();
    return new ReadableStream({
      pull: async (controller) => {
        try {
          const { done, value } = await reader.read();
          this.#movedAt = this.#now();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          this.brokenOff ??= "client_closed";
          throw error;
        }
      },
      cancel: (reason) => reader.cancel(reason),
    }, { highWaterMark: 0 });
  }

  #untilBrokenOff<Value>(reading: Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      this.signal.addEventListener("abort", () => reject(this.signal.reason), { once: true });
      reading.then(resolve, reject);
    });
  }
}

/** The calls that are under way. */
export class UpstreamCalls {
  readonly #timeout: number;
  readonly #now: () => number;
  #unseen = new Set<UpstreamCall>();
  #seen = new Set<UpstreamCall>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param timeout Milliseconds that the upstream has for its status and headers.
   * @param now A clock that never steps back.
   */
  constructor(timeout: number, now: () => number = () => performance.now()) {
    this.#timeout = timeout;
    this.#now = now;
  }

  /** Begins a call. Every call has to be ended. */
  begin(request: Request): UpstreamCall {
    const call = new UpstreamCall(request, this.#now);
    if (this.#timeout <= INTERVAL || !requestsShareWork()) {
      call.watch(this.#timeout);
    } else {
      this.#unseen.add(call);
      this.#timer ??= setTimeout(this.#look, INTERVAL);
    }
    return call;
  }

  /**
   * Ends a call, once there is a status or none will come. From then on the runtime ends the body by itself
   * when the client leaves; and Deno aborts a client's signal also when its answer ends well.
   */
  end(call: UpstreamCall): void {
    if (!this.#unseen.delete(call) && !this.#seen.delete(call)) call.unwatch();
    if (this.#unseen.size === 0 && this.#seen.size === 0) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
  }

  readonly #look = () => {
    for (const call of this.#seen) call.watch(this.#timeout, INTERVAL);
    this.#seen = this.#unseen;
    this.#unseen = new Set();
    this.#timer = this.#seen.size > 0 ? setTimeout(this.#look, INTERVAL) : undefined;
  };
}
