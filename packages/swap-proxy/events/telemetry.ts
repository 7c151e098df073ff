import {
  type Attributes,
  createNoopMeter,
  metrics,
  ProxyTracerProvider,
  type Span,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import type { ProviderState, VerifyResult } from "@countersign/verifier";
import type { PublicCode, RefusalReason } from "../refusal/refusals.ts";

const SCOPE = "@countersign/swap-proxy";
/** Issuers that metrics tell apart; each is a series of its own in whoever stores them. */
const MAX_ISSUERS = 1_000;

/** What is reported to OpenTelemetry of one swap. Nothing in it is unverified, and nothing is secret. */
export interface SwapOutcome {
  /** Set where it is a token request, which is counted apart. */
  readonly endpoint?: "token" | undefined;
  /** The registered issuer, where the token named one. */
  readonly issuer: string | undefined;
  /** The registered key, where the token named one. */
  readonly kid: string | undefined;
  /** The code that the caller received, or that PostgREST answered. */
  readonly outcome: PublicCode | "answered" | "exchanged" | "handed_over";
  /** The precise reason of a refusal. */
  readonly reason?: RefusalReason;
  readonly status: number;
}

/** Reports swaps to OpenTelemetry. A provider that throws changes nothing for a caller. */
export interface Telemetry {
  /** Begins a span; `undefined` where it is not recorded. */
  begin(endpoint?: "token"): Span | undefined;
  /** Counts whether the token's signature had been checked before. */
  verified(verified: VerifyResult): void;
  /** Notes that a phase is over. */
  phase(span: Span | undefined, name: "verified" | "signed" | "forwarded"): void;
  /** Counts the swap and ends its span. */
  end(span: Span | undefined, outcome: SwapOutcome): void;
}

/**
 * Telemetry through the providers that are registered now, or `undefined` where there are none: then a
 * request costs one comparison.
 *
 * Its memory: the names of at most {@linkcode MAX_ISSUERS} registered issuers, for the life of the process.
 * Nobody grows it without being registered; later ones count as `other`.
 */
export function createTelemetry(): Telemetry | undefined {
  const tracer = registeredTracer();
  const meter = metrics.getMeter(SCOPE);
  if (tracer === undefined && meter === createNoopMeter()) return undefined;

  const swaps = meter.createCounter("countersign.swaps", {
    description: "Swaps by registered issuer and outcome",
  });
  const exchanges = meter.createCounter("countersign.exchanges", {
    description: "Token requests by registered issuer and outcome",
  });
  const tokens = meter.createCounter("countersign.verified_tokens", {
    description: "Verified tokens by whether the signature had been checked before",
  });
  const issuers = new Set<string>();
  // The verifier's cache gives the same claims object for a token seen before, and bounds them.
  const seen = new WeakSet<object>();

  return {
    begin: (endpoint) =>
      safely(() => {
        const span = tracer?.startSpan(
          endpoint === "token" ? "countersign.exchange" : "countersign.swap",
        );
        return span?.isRecording() ? span : undefined;
      }),
    verified({ claims }) {
      safely(() => tokens.add(1, { "countersign.cache": seen.has(claims) ? "hit" : "miss" }));
      seen.add(claims);
    },
    phase(span, name) {
      safely(() => span?.addEvent(name));
    },
    end(span, { endpoint, issuer, kid, outcome, reason, status }) {
      safely(() =>
        (endpoint === "token" ? exchanges : swaps).add(1, {
          "countersign.issuer": issuerLabel(issuers, issuer),
          "countersign.outcome": outcome,
        })
      );
      if (span === undefined) return;
      const attributes: Attributes = {
        "countersign.outcome": outcome,
        "http.response.status_code": status,
      };
      if (issuer !== undefined) attributes["countersign.issuer"] = issuer;
      if (kid !== undefined) attributes["countersign.kid"] = kid;
      if (reason !== undefined) attributes["countersign.reason"] = reason;
      safely(() => {
        span.setAttributes(attributes);
        if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end();
      });
    },
  };
}

/**
 * Shows the registry's age while somebody collects metrics.
 *
 * @param age Milliseconds since the registry was last seen; not finite: not seen yet.
 * @returns Stops it.
 */
export function observeRegistryAge(age: () => number): () => void {
  const gauge = metrics.getMeter(SCOPE).createObservableGauge("countersign.registry.age", {
    description: "Time since the registry was last seen unchanged",
    unit: "s",
  });
  const observe: Parameters<typeof gauge.addCallback>[0] = (result) => {
    const milliseconds = age();
    if (Number.isFinite(milliseconds)) result.observe(milliseconds / 1000);
  };
  gauge.addCallback(observe);
  return () => gauge.removeCallback(observe);
}

/** Shows how each provider's keys stand, while somebody collects metrics: 1 for the state that it is in. */
export function observeProviders(states: () => readonly ProviderState[]): void {
  const gauge = metrics.getMeter(SCOPE).createObservableGauge("countersign.provider.state", {
    description: "OIDC providers by whether their keys can be fetched",
  });
  gauge.addCallback((result) => {
    for (const { provider, state } of states()) {
      result.observe(1, { "countersign.provider": provider, "countersign.state": state });
    }
  });
}

/** The API's own provider allocates spans that are not recorded. */
function registeredTracer(): Tracer | undefined {
  const provider = trace.getTracerProvider();
  return provider instanceof ProxyTracerProvider
    ? provider.getDelegateTracer(SCOPE)
    : provider.getTracer(SCOPE);
}

function safely<Value>(tell: () => Value): Value | undefined {
  try {
    return tell();
  } catch {
    return undefined;
  }
}

function issuerLabel(issuers: Set<string>, issuer: string | undefined): string {
  if (issuer === undefined) return "unknown";
  if (issuers.has(issuer)) return issuer;
  if (issuers.size >= MAX_ISSUERS) return "other";
  issuers.add(issuer);
  return issuer;
}
