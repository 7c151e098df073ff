import type { SwapEvent } from "./swap_event.ts";

/**
 * Lines of one window, by who sets them off. One kind cannot hide another, and together with a line for what each
 * left out they stay under the hundred events in ten seconds that Supabase keeps of a function.
 */
export const LOG_BUDGETS = {
  /** The token named no registered issuer. */
  strangers: 10,
  /** The token named a registered issuer, and its signature did not hold: anybody can do that. */
  unproven: 20,
  /** An issuer sent it. */
  issuers: 25,
  /** Observe mode let it through. */
  observed: 10,
  /** A token was exchanged. */
  exchanges: 5,
  /** A provider's keys changed their state. */
  providers: 5,
  /** The operator has to act. */
  alarms: 15,
} as const;

/** Who sets off a line. */
export type LogKind = keyof typeof LOG_BUDGETS;

/** The budget that an event's line counts towards. */
export function logKind(event: SwapEvent): LogKind {
  if (event.type === "observed") return "observed";
  if (event.type === "exchanged") return "exchanges";
  if (event.type === "provider") return "providers";
  if (event.alarm) return "alarms";
  if (event.authenticated) return "issuers";
  return event.issuer === undefined ? "strangers" : "unproven";
}

/** Most issuers that one line about what was left out names: a line is cut at 10,000 characters. */
const MAX_ISSUERS = 20;
/** Most issuers that are counted apart in one window. */
const MAX_COUNTED = 1_000;

/** What a window left out of the log. */
export interface LeftOut {
  readonly type: "left_out";
  readonly kind: LogKind;
  readonly lines: number;
  /** Lines by reason. */
  readonly reasons: Readonly<Record<string, number>>;
  /** Lines by registered issuer: those with the most, at most twenty. */
  readonly issuers: Readonly<Record<string, number>>;
}

/** Counts what one window leaves out, in bounded memory. */
export class LeftOutCounts {
  #lines = 0;
  readonly #reasons = new Map<string, number>();
  readonly #issuers = new Map<string, number>();

  /** Counts a line that is not written. */
  add(event: SwapEvent): void {
    this.#lines++;
    count(this.#reasons, event.type === "refused" ? event.reason : event.type);
    const issuer = event.type === "provider" ? event.provider : event.issuer;
    if (issuer === undefined) return;
    if (this.#issuers.has(issuer) || this.#issuers.size < MAX_COUNTED) count(this.#issuers, issuer);
  }

  /** What was counted; `undefined` if nothing was. */
  summary(kind: LogKind): LeftOut | undefined {
    if (this.#lines === 0) return undefined;
    const most = [...this.#issuers].sort(([, a], [, b]) => b - a).slice(0, MAX_ISSUERS);
    return {
      type: "left_out",
      kind,
      lines: this.#lines,
      reasons: Object.fromEntries(this.#reasons),
      issuers: Object.fromEntries(most),
    };
  }
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
