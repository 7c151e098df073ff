import type { Span } from "@opentelemetry/api";
import { JwtVerificationError, type VerifyResult } from "@countersign/verifier";
import { type RefusalReason, REFUSALS } from "../refusal/refusals.ts";
import { createTelemetry, type Telemetry } from "./telemetry.ts";

/** Follows one swap through its phases. */
export interface Swap {
  /** The token passed: signature, times and policy. */
  verified(verified: VerifyResult): void;
  /** There is a downstream token. */
  signed(): void;
  /** PostgREST answered. */
  answered(response: Response): void;
  /** There is no answer of PostgREST's. */
  refused(error: unknown, reason: RefusalReason): void;
}

/**
 * What follows swaps, for OpenTelemetry and `Server-Timing`; `undefined` where neither is wanted.
 *
 * @param now Milliseconds, on a clock that never steps back.
 */
export function createSwapObserver(
  serverTiming: boolean,
  now: () => number = () => performance.now(),
): (() => Swap) | undefined {
  const telemetry = createTelemetry();
  if (telemetry === undefined && !serverTiming) return undefined;
  return () => new ObservedSwap(telemetry, serverTiming, now);
}

class ObservedSwap implements Swap {
  readonly #telemetry: Telemetry | undefined;
  readonly #span: Span | undefined;
  readonly #serverTiming: boolean;
  readonly #now: () => number;
  readonly #startedAt: number;
  #verifiedAt = 0;
  #signedAt = 0;
  #key: VerifyResult["matchedKey"] | undefined;

  constructor(telemetry: Telemetry | undefined, serverTiming: boolean, now: () => number) {
    this.#telemetry = telemetry;
    this.#span = telemetry?.begin();
    this.#serverTiming = serverTiming;
    this.#now = now;
    this.#startedAt = now();
  }

  verified(verified: VerifyResult): void {
    this.#verifiedAt = this.#now();
    this.#key = verified.matchedKey;
    this.#telemetry?.verified(verified);
    this.#telemetry?.phase(this.#span, "verified");
  }

  signed(): void {
    this.#signedAt = this.#now();
    this.#telemetry?.phase(this.#span, "signed");
  }

  answered(response: Response): void {
    if (this.#serverTiming) {
      response.headers.append("server-timing", this.#timing(this.#now()));
    }
    this.#telemetry?.phase(this.#span, "forwarded");
    this.#telemetry?.end(this.#span, {
      issuer: this.#key?.issuer,
      kid: this.#key?.kid,
      outcome: "answered",
      status: response.status,
    });
  }

  refused(error: unknown, reason: RefusalReason): void {
    // The verifier names issuer and key only where they are registered.
    const known = error instanceof JwtVerificationError ? error : this.#key;
    const { code, status } = REFUSALS[reason];
    this.#telemetry?.end(this.#span, {
      issuer: known?.issuer,
      kid: known?.kid,
      outcome: code,
      reason,
      status,
    });
  }

  #timing(answeredAt: number): string {
    const phases = [
      ["countersign", answeredAt - this.#startedAt],
      ["countersign-verify", this.#verifiedAt - this.#startedAt],
      ["countersign-sign", this.#signedAt - this.#verifiedAt],
      ["countersign-forward", answeredAt - this.#signedAt],
    ] as const;
    return phases.map(([name, duration]) => `${name};dur=${duration.toFixed(2)}`).join(", ");
  }
}
