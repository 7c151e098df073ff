/**
 * Milliseconds before anybody looks whether the client is still there. Nearly every answer is back by then,
 * and asking the runtime to watch a client costs a tenth of the whole request.
 */
const PATIENCE = 10;

/** Why an upstream call was broken off. */
export type BrokenOff = "upstream_timeout" | "client_closed";

/** Breaks off an upstream call whose client has left, or that takes too long, until it is released. */
export class UpstreamWatch {
  /** Why the call was broken off, once it was. */
  reason: BrokenOff | undefined;
  readonly #abort = new AbortController();
  readonly #client: () => AbortSignal;
  #timer: ReturnType<typeof setTimeout>;
  #watched: AbortSignal | undefined;

  /**
   * @param request The client's.
   * @param timeout Milliseconds that the upstream has.
   */
  constructor(request: Request, timeout: number) {
    this.#client = () => request.signal;
    const patience = Math.min(PATIENCE, timeout);
    this.#timer = setTimeout(() => {
      this.#timer = setTimeout(() => this.#breakOff("upstream_timeout"), timeout - patience);
      this.#watched = this.#client();
      this.#watched.addEventListener("abort", this.#onClientGone);
      if (this.#watched.aborted) this.#onClientGone();
    }, patience);
  }

  /** For the upstream call. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /**
   * Once there is a status, or none will come. From then on the runtime ends the body by itself when the
   * client leaves; and Deno aborts the client's signal even when an answer ends well.
   */
  release(): void {
    clearTimeout(this.#timer);
    this.#watched?.removeEventListener("abort", this.#onClientGone);
  }

  readonly #onClientGone = () => this.#breakOff("client_closed");

  #breakOff(reason: BrokenOff): void {
    this.reason ??= reason;
    this.#abort.abort();
  }
}
