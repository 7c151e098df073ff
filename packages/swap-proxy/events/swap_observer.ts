import type { Span } from "@opentelemetry/api";
import type { MatchedKey, VerifyResult } from "@countersign/verifier";
import type { Refusal, RefusalReason } from "../refusal/refusals.ts";
import { REQUEST_ID_HEADER, requestId } from "../request/request_id.ts";
import { namedKey, refusedEvent } from "./refused_event.ts";
import type { SwapEvent } from "./swap_event.ts";
import { createTelemetry, type Telemetry } from "./telemetry.ts";

/** Follows one request, for the span, `Server-Timing` and `onEvent` alike. */
export interface Swap {
  /** The id that the answer and the operator's log share. */
  readonly requestId: string;
  /** The request is one for PostgREST, or for the token endpoint. */
  routed(endpoint?: "token"): void;
  /** The token passed: signature, times and policy. */
  verified(verified: VerifyResult): void;
  /** There is a downstream token. */
  minted(): void;
  /** PostgREST answered. */
  answered(response: Response): Response;
  /** A token was issued. */
  exchanged(
    response: Response,
    token: { readonly role: string; readonly expiresIn: number },
  ): Response;
  /** A gateway was told no, and sends the request itself: what is wrong with it is reported then. */
  handedOver(reason: RefusalReason): void;
  /** PostgREST did not answer. */
  refused(error: unknown, reason: RefusalReason, refusal: Refusal): void;
}

/** What an observer reports to. */
export interface SwapObserverOptions {
  /** Whether answers carry the proxy's phases. Default: false. */
  readonly serverTiming?: boolean | undefined;
  /** Receives refusals, and what observe mode let through. */
  readonly onEvent?: ((event: SwapEvent) => void) | undefined;
  /** A clock that never steps back, in milliseconds. Default: `performance.now`. */
  readonly clock?: () => number;
}

/** Makes what follows requests. OpenTelemetry's providers are those registered when it is made. */
export function createSwapObserver(options: SwapObserverOptions): (request: Request) => Swap {
  const observer: Observer = {
    telemetry: createTelemetry(),
    serverTiming: options.serverTiming ?? false,
    onEvent: options.onEvent,
    clock: options.clock ?? (() => performance.now()),
  };
  return (request) => new ObservedSwap(observer, request);
}

interface Observer {
  readonly telemetry: Telemetry | undefined;
  readonly serverTiming: boolean;
  readonly onEvent: ((event: SwapEvent) => void) | undefined;
  readonly clock: () => number;
}

class ObservedSwap implements Swap {
  readonly #observer: Observer;
  readonly #request: Request;
  #requestId: string | undefined;
  #isRouted = false;
  #endpoint: "token" | undefined;
  #span: Span | undefined;
  #key: MatchedKey | undefined;
  #verified: VerifyResult | undefined;
  #routedAt = 0;
  #verifiedAt = 0;
  #mintedAt = 0;

  constructor(observer: Observer, request: Request) {
    this.#observer = observer;
    this.#request = request;
  }

  get requestId(): string {
    return this.#requestId ??= requestId(this.#request.headers);
  }

  routed(endpoint?: "token"): void {
    this.#isRouted = true;
    this.#endpoint = endpoint;
    this.#routedAt = this.#time();
    this.#span = this.#observer.telemetry?.begin(endpoint);
  }

  verified(verified: VerifyResult): void {
    this.#verifiedAt = this.#time();
    this.#key = verified.matchedKey;
    this.#verified = verified;
    this.#observer.telemetry?.verified(verified);
    this.#observer.telemetry?.phase(this.#span, "verified");
  }

  minted(): void {
    this.#mintedAt = this.#time();
    this.#observer.telemetry?.phase(this.#span, "signed");
  }

  answered(response: Response): Response {
    if (this.#observer.serverTiming) response.headers.append("server-timing", this.#timing());
    this.#observer.telemetry?.phase(this.#span, "forwarded");
    this.#observer.telemetry?.end(this.#span, {
      issuer: this.#key?.issuer,
      kid: this.#key?.kid,
      outcome: "answered",
      status: response.status,
    });
    this.#tellObserved(response);
    return response;
  }

  exchanged(response: Response, token: { role: string; expiresIn: number }): Response {
    const { issuer, kid } = this.#key ?? {};
    const outcome = "exchanged";
    const { status } = response;
    this.#observer.telemetry?.end(this.#span, { endpoint: "token", issuer, kid, outcome, status });
    this.#tellObserved(response);
    response.headers.set(REQUEST_ID_HEADER, this.requestId);
    if (issuer !== undefined && kid !== undefined) {
      const { requestId } = this;
      const rule = this.#verified?.rule;
      this.#tell({
        type: "exchanged",
        requestId,
        issuer,
        kid,
        ...(rule !== undefined && { rule }),
        ...token,
      });
    }
    return response;
  }

  handedOver(reason: RefusalReason): void {
    if (!this.#isRouted) return;
    const { issuer, kid } = this.#key ?? {};
    const outcome = "handed_over";
    this.#observer.telemetry?.end(this.#span, { issuer, kid, outcome, reason, status: 403 });
  }

  refused(error: unknown, reason: RefusalReason, refusal: Refusal): void {
    if (this.#isRouted) {
      this.#observer.telemetry?.end(this.#span, {
        endpoint: this.#endpoint,
        ...namedKey({ error, key: this.#key }),
        outcome: refusal.code,
        reason,
        status: refusal.status,
      });
    }
    if (this.#observer.onEvent === undefined) return;
    const { requestId } = this;
    const rule = this.#verified?.rule;
    const endpoint = this.#endpoint;
    this.#tell(
      refusedEvent({ requestId, reason, refusal, error, key: this.#key, rule, endpoint }),
    );
  }

  #tellObserved(response: Response): void {
    if (this.#verified === undefined) return;
    const { observed: refusals, observedRules = [], rule, matchedKey } = this.#verified;
    if (refusals.length === 0 && observedRules.length === 0) return;
    response.headers.set(REQUEST_ID_HEADER, this.requestId);
    const { issuer, kid } = matchedKey;
    this.#tell({
      type: "observed",
      requestId: this.requestId,
      issuer,
      kid,
      refusals,
      ...(rule !== undefined && { rule }),
      ...(observedRules.length > 0 && { observedRules }),
    });
  }

  /** What an observer does must not decide what a caller gets, so its failure goes nowhere. */
  #tell(event: SwapEvent): void {
    try {
      this.#observer.onEvent?.(event);
    } catch {
      // There is nobody left to report it to.
    }
  }

  /** Reading a clock costs something, and only `Server-Timing` asks for it. */
  #time(): number {
    return this.#observer.serverTiming ? this.#observer.clock() : 0;
  }

  #timing(): string {
    const answeredAt = this.#time();
    const phases = [
      ["countersign", answeredAt - this.#routedAt],
      ["countersign-verify", this.#verifiedAt - this.#routedAt],
      ["countersign-sign", this.#mintedAt - this.#verifiedAt],
      ["countersign-forward", answeredAt - this.#mintedAt],
    ] as const;
    return phases.map(([name, duration]) => `${name};dur=${duration.toFixed(2)}`).join(", ");
  }
}
