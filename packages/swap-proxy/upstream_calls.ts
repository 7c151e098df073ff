/**
 * Milliseconds between looks at the calls under way. A call gets a time-out of its own, and somebody to
 * watch whether its client is still there, once two looks have seen it. Nearly every answer is back before
 * that, and a timer and a watched client together cost an eighth of a whole request.
 */
const INTERVAL = 10;

/** Why a call was broken off. */
export type BrokenOff = "upstream_timeout" | "client_closed";

/** A call to the upstream. */
export class UpstreamCall {
  /** Why it was broken off, if it was. */
  brokenOff: BrokenOff | undefined;
  readonly #request: Request;
  readonly #abort = new AbortController();
  #client: AbortSignal | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(request: Request) {
    this.#request = request;
  }

  /** For `fetch`. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Breaks the call off when its client leaves or `timeout` milliseconds have passed. */
  watch(timeout: number): void {
    this.#timer = setTimeout(() => this.#breakOff("upstream_timeout"), timeout);
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

  readonly #onClientGone = () => this.#breakOff("client_closed");

  #breakOff(reason: BrokenOff): void {
    this.brokenOff ??= reason;
    this.#abort.abort();
  }
}

/** The calls that are under way. */
export class UpstreamCalls {
  readonly #timeout: number;
  #unseen = new Set<UpstreamCall>();
  #seen = new Set<UpstreamCall>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param timeout Milliseconds that the upstream has for its status and headers. */
  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  /** Begins a call. Every call has to be ended. */
  begin(request: Request): UpstreamCall {
    const call = new UpstreamCall(request);
    if (this.#timeout <= INTERVAL) {
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
    for (const call of this.#seen) call.watch(this.#timeout - INTERVAL);
    this.#seen = this.#unseen;
    this.#unseen = new Set();
    this.#timer = this.#seen.size > 0 ? setTimeout(this.#look, INTERVAL) : undefined;
  };
}
