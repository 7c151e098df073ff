/** What may be answered, according to what was changed when. Times are `performance.now()`. */

/** A fact of the registry over time. A change happens at some moment between sending and acknowledgement. */
export class History<State> {
  readonly #changes: { readonly state: State; readonly sent: number; acknowledged: number }[];

  constructor(state: State) {
    this.#changes = [{ state, sent: -Infinity, acknowledged: -Infinity }];
  }

  get current(): State {
    return this.#changes.at(-1)!.state;
  }

  /** Makes the change, however often it takes until the database acknowledges it. */
  async change(state: State, commit: () => Promise<unknown>): Promise<void> {
    const change = { state, sent: performance.now(), acknowledged: Infinity };
    this.#changes.push(change);
    await persistently(commit);
    change.acknowledged = performance.now();
  }

  /** Every state that may have held at some moment of this time. */
  during(from: number, to: number): Set<State> {
    const states = new Set<State>();
    for (const [i, { state, sent }] of this.#changes.entries()) {
      const over = this.#changes[i + 1]?.acknowledged ?? Infinity;
      if (sent <= to && over >= from) states.add(state);
    }
    return states;
  }
}

/** Repeats what a fault kept from being done. */
async function persistently(work: () => Promise<unknown>): Promise<void> {
  for (const deadline = performance.now() + 30_000;;) {
    try {
      await work();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** When something around the proxies was broken, and what they may have answered because of it. */
export class Faults {
  readonly #windows: { readonly from: number; to: number }[] = [];

  /** Lasts until it is over, and at least for some time after everything around the proxies was whole. */
  begin(): { over(whole: number): void } {
    const window = { from: performance.now(), to: Infinity };
    this.#windows.push(window);
    return { over: (whole) => void (window.to = Math.max(performance.now(), whole + WELL_AGAIN)) };
  }

  during(from: number, to: number): boolean {
    return this.#windows.some((window) => window.from <= to && window.to >= from);
  }
}

/** Milliseconds after the end of a fault in which it may still be felt. */
export const WELL_AGAIN = 1_000;

export interface Answer {
  readonly sent: number;
  readonly answered: number;
  /** Status and code; `no answer` where the connection broke. */
  readonly verdict: string;
}

export interface Expectation {
  /** What an honest answer is, depending on the registry. */
  readonly verdicts: { during(from: number, to: number): ReadonlySet<string> };
  /** Milliseconds for which the proxy may go by what was before. */
  readonly staleness: number;
}

/** The same at any time. */
export function always(...verdicts: string[]): Expectation {
  return { verdicts: { during: () => new Set(verdicts) }, staleness: 0 };
}

/** Verdicts that a fault explains: nobody was let through, or whether the write took place is not known. */
const OF_FAULTS =
  /^(no answer|503 registry_unavailable|502 upstream_unreachable|504 upstream_timeout|503 PGRST00\d|50[03] 57P0\d|400 without a code)$/;

/** Judges every answer, and keeps what was wrong. */
export class Judge {
  readonly violations: string[] = [];
  /** How often whom was answered what. */
  readonly verdicts = new Map<string, number>();
  /** Milliseconds of honest answers that no fault had a part in. */
  readonly quiet: number[] = [];
  readonly #faults: Faults;
  readonly #guard: History<boolean>;
  readonly #onWrong: (what: string) => void;

  /** @param onWrong Told at once of whatever is wrong. */
  constructor(faults: Faults, guard: History<boolean>, onWrong: (what: string) => void = () => {}) {
    this.#faults = faults;
    this.#guard = guard;
    this.#onWrong = onWrong;
  }

  /** @returns Whether the answer was one that the registry explains, and so says what became of the write. */
  judge(who: string, answer: Answer, { verdicts, staleness }: Expectation): boolean {
    const { sent, answered, verdict } = answer;
    const key = `${who}: ${verdict}`;
    this.verdicts.set(key, (this.verdicts.get(key) ?? 0) + 1);
    const isFaulty = this.#faults.during(sent, answered);
    if (!isFaulty && /^20\d$/.test(verdict)) this.quiet.push(answered - sent);

    // With the guard on, what was before the request counts for nothing: it looks in the write's transaction.
    const isExact = /^20\d$/.test(verdict) && !this.#guard.during(sent, answered).has(false);
    if (verdicts.during(sent - (isExact ? 0 : staleness), answered).has(verdict)) return true;
    if (OF_FAULTS.test(verdict) && isFaulty) return false;
    this.wrong(
      `${who} was answered "${verdict}" after ${Math.round(answered - sent)} ms, expected ${
        [...verdicts.during(sent - staleness, answered)].join(" or ")
      }`,
    );
    return false;
  }

  wrong(what: string): void {
    this.violations.push(what);
    this.#onWrong(what);
  }
}
