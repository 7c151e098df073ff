import { JwtVerificationError } from "@countersign/verifier";
import { backoff } from "@countersign/postgres";
import type { RegistryEntry, RegistrySnapshot } from "./registry_snapshot.ts";

/** Milliseconds between reads that are only for names nobody has seen: five a second, whatever arrives. */
const UNSEEN_INTERVAL = 200;
/** How many of them may come at once after a quiet second, so that an ordinary mistake delays nobody. */
const UNSEEN_BURST = 5;
/**
 * Unseen names that wait for the next read. More are turned away, since memory is bounded as well: but one process is
 * hardly asked for so many in the time between two reads.
 */
const MAX_UNSEEN_WAITING = 10_000;
/** How many of them are answered at a time. */
const UNKNOWN_TURN = 5;

/** What becomes of a read. */
export interface ReadSchedulerHandlers {
  /** Reads the registry. */
  read(issuers: readonly string[]): Promise<RegistrySnapshot>;
  /** A read that was sent at `sentAt` found the registry like this. Comes before its issuers. */
  onSnapshot(snapshot: RegistrySnapshot, sentAt: number): void;
  /**
   * What the read found of an issuer. `current` is false if a change of it was announced meanwhile.
   *
   * @returns The record to hand out.
   */
  onIssuer(
    issuer: string,
    found: RegistryEntry | undefined,
    current: boolean,
  ): RegistryEntry | undefined;
  /** The registry has a row for this issuer that can't be understood. */
  onUnreadable(issuer: string): void;
}

interface Waiting {
  readonly promise: Promise<RegistryEntry | undefined>;
  resolve(record: RegistryEntry | undefined): void;
  reject(error: unknown): void;
}

interface Batch {
  readonly waiting: ReadonlyMap<string, Waiting>;
  /** Whether it was taken off the ration. */
  readonly isRationed: boolean;
  /** Issuers of which a change was announced since the batch was sent. */
  readonly announced: Set<string>;
  /** Whether a change of anything was. */
  everythingAnnounced: boolean;
}

/**
 * Decides when the registry is read, and for whom. There is at most one read under way; who asks meanwhile
 * waits for the next one, which serves everybody. A read goes out at once for an issuer that was seen
 * before or to confirm the version; reads for unseen names alone are rationed, unless all of them turn out
 * to be registered. After a failure there is none for a while, and who asks is told at once.
 */
export class ReadScheduler {
  readonly #handlers: ReadSchedulerHandlers;
  readonly #now: () => number;

  #next = new Map<string, Waiting>();
  #unseenWaiting = 0;
  /** Whether the next read must not wait. */
  #urgent = false;
  #underWay: Batch | undefined;
  /** When the ration of reads for unseen names will be full again. */
  #unseenFull = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  #failures = 0;
  #failure: unknown;
  #pausedUntil = -Infinity;
  #closed = false;

  constructor(handlers: ReadSchedulerHandlers, now: () => number) {
    this.#handlers = handlers;
    this.#now = now;
  }

  /**
   * Reads one issuer, together with whoever else is asked for.
   *
   * @param seen Whether the issuer is known to exist, so that its read can't be made to wait by others.
   */
  load(issuer: string, seen: boolean): Promise<RegistryEntry | undefined> {
    const underWay = this.#underWay;
    if (underWay !== undefined && isCurrent(underWay, issuer)) {
      const waiting = underWay.waiting.get(issuer);
      if (waiting !== undefined) return waiting.promise;
    }
    const waiting = this.#next.get(issuer);
    if (waiting !== undefined) return waiting.promise;

    if (this.#isPaused()) return Promise.reject(this.#failure);
    if (!seen && this.#unseenWaiting >= MAX_UNSEEN_WAITING) {
      return Promise.reject(
        new JwtVerificationError("registry_overloaded", "Too many unknown issuers wait"),
      );
    }
    const added = deferred();
    this.#next.set(issuer, added);
    if (seen) this.#urgent = true;
    else this.#unseenWaiting++;
    this.#pump();
    return added.promise;
  }

  /** Confirms the version soon: with the read under way, or by one of its own. */
  confirm(): void {
    if (this.#underWay === undefined && !this.#isPaused()) this.confirmAnew();
  }

  /** Confirms the version by a read that has not been sent yet. */
  confirmAnew(): void {
    this.#urgent = true;
    this.#pump();
  }

  /** Postgres is known to be back, so there is no reason to wait. */
  resume(): void {
    if (!this.#closed) this.#pausedUntil = -Infinity;
  }

  /** A change of this issuer was committed: the read under way may not have seen it. */
  announce(issuer: string): void {
    this.#underWay?.announced.add(issuer);
  }

  /** A change of anything was committed. */
  announceEverything(): void {
    if (this.#underWay !== undefined) this.#underWay.everythingAnnounced = true;
  }

  /** Turns away whoever waits. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#fail(this.#next, new Error("The key source is closed"));
  }

  #isPaused(): boolean {
    return this.#now() < this.#pausedUntil;
  }

  #pump(): void {
    if (this.#underWay !== undefined) return;
    if (!this.#urgent) {
      if (this.#next.size === 0) return;
      const wait = this.#unseenFull - (UNSEEN_BURST - 1) * UNSEEN_INTERVAL - this.#now();
      if (wait > 0) {
        this.#timer ??= setTimeout(() => {
          this.#timer = undefined;
          this.#pump();
        }, wait);
        return;
      }
    }
    this.#send();
  }

  #send(): void {
    const batch: Batch = {
      waiting: this.#next,
      isRationed: this.#unseenWaiting > 0,
      announced: new Set(),
      everythingAnnounced: false,
    };
    const sentAt = this.#now();
    if (batch.isRationed) {
      this.#unseenFull = Math.max(this.#unseenFull, sentAt) + UNSEEN_INTERVAL;
    }
    this.#next = new Map();
    this.#unseenWaiting = 0;
    this.#urgent = false;
    this.#underWay = batch;
    this.#handlers.read([...batch.waiting.keys()]).then(
      (snapshot) => this.#settle(() => this.#succeed(batch, snapshot, sentAt)),
      (error) => this.#settle(() => this.#fail(batch.waiting, error)),
    );
  }

  /** The read is over before anybody hears of it, so that nobody joins it any more. */
  #settle(tell: () => void): void {
    this.#underWay = undefined;
    tell();
    this.#pump();
  }

  #succeed(batch: Batch, snapshot: RegistrySnapshot, sentAt: number): void {
    if (this.#closed) return this.#fail(batch.waiting, this.#failure);
    this.#failures = 0;
    this.#handlers.onSnapshot(snapshot, sentAt);
    const unknown: Waiting[] = [];
    for (const [issuer, waiting] of batch.waiting) {
      try {
        const found = snapshot.entry(issuer);
        const record = this.#handlers.onIssuer(issuer, found, isCurrent(batch, issuer));
        if (found === undefined) unknown.push(waiting);
        else waiting.resolve(record);
      } catch (error) {
        this.#handlers.onUnreadable(issuer);
        waiting.reject(error);
      }
    }
    if (batch.isRationed && unknown.length === 0) this.#unseenFull -= UNSEEN_INTERVAL;
    tellInTurns(unknown);
  }

  /** Whoever asked, in this batch or since, is told the same. */
  #fail(waiting: ReadonlyMap<string, Waiting>, error: unknown): void {
    this.#failures++;
    this.#failure = error;
    this.#pausedUntil = this.#closed ? Infinity : this.#now() + backoff(this.#failures, error);
    for (const { reject } of waiting.values()) reject(error);
    for (const { reject } of this.#next.values()) reject(error);
    this.#next = new Map();
    this.#unseenWaiting = 0;
    this.#urgent = false;
  }
}

/** A crowd of unknown names is answered a few at a time, so that whoever is known gets between them. */
function tellInTurns(unknown: readonly Waiting[], from = 0): void {
  const next = from + UNKNOWN_TURN;
  for (const { resolve } of unknown.slice(from, next)) resolve(undefined);
  if (next < unknown.length) setTimeout(tellInTurns, 0, unknown, next);
}

function isCurrent(batch: Batch, issuer: string): boolean {
  return !batch.everythingAnnounced && !batch.announced.has(issuer);
}

function deferred(): Waiting {
  let resolve: Waiting["resolve"] = () => {};
  let reject: Waiting["reject"] = () => {};
  const promise = new Promise<RegistryEntry | undefined>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
