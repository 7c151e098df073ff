/**
 * A fleet, request by request: each worker keeps what `postgres_key_source.ts` keeps and reads when it would. For what
 * the closed form cannot say (how a revocation spreads), and to check it where it can.
 */
import type { Fleet } from "./fleet.ts";

export interface SimulatedTimes {
  /** Seconds to simulate. */
  readonly seconds: number;
  /** Seconds that a read takes. */
  readonly readSec: number;
  /** Seconds that a notification takes. */
  readonly notifySec: number;
  /** When issuer 0 is revoked, in seconds; changes of other issuers come besides, as the fleet says. */
  readonly revokedAt: number;
  /** From when on reads are counted, in seconds. Default: 0. */
  readonly countFrom?: number;
  /** Seconds within which all workers get their first request. Default: the staleness. */
  readonly startsWithinSec?: number;
}

export interface Simulated {
  readonly versionReads: number;
  readonly issuerReads: number;
  /** Seconds from the revocation to the first refusal, for each worker that was asked about issuer 0 after it. */
  readonly refusedAfter: readonly number[];
}

interface Worker {
  /** When the read that last saw the version was sent. */
  confirmedAt: number;
  version: number;
  /** The version under which each issuer was read. */
  readonly readAs: Map<number, number>;
  /** Until when a read is under way. */
  busyUntil: number;
}

/** @param random Uniform in [0, 1). */
export function simulate(fleet: Fleet, times: SimulatedTimes, random: () => number): Simulated {
  const changes = changeTimes(fleet, times, random);
  const { countFrom = 0 } = times;
  let versionReads = 0;
  let issuerReads = 0;
  const refusedAfter: number[] = [];

  for (let w = 0; w < fleet.workers; w++) {
    const worker: Worker = {
      confirmedAt: -Infinity,
      version: -1,
      readAs: new Map(),
      busyUntil: -Infinity,
    };
    let hasRefused = false;
    const step = 1 / fleet.requestsPerSec;
    // Workers do not start together, and so do not ask together.
    // As soon as it listens, the version is confirmed by a read that was sent after that.
    if (fleet.listen && countFrom === 0) versionReads++;
    const first = random() * (times.startsWithinSec ?? fleet.maxStalenessSec);
    for (let at = first; at < times.seconds; at += step) {
      const issuer = Math.floor(random() * fleet.issuers);
      const heard = fleet.listen ? versionAt(changes, at - times.notifySec) : -1;
      const known = worker.readAs.get(issuer);
      const age = at - worker.confirmedAt;
      const isKnown = age <= fleet.maxStalenessSec && known === worker.version &&
        worker.version >= heard;
      if (!isKnown) {
        if (at >= countFrom) issuerReads++;
        read(worker, at);
        worker.readAs.set(issuer, worker.version);
      } else if (age > fleet.maxStalenessSec / 2 && at >= worker.busyUntil) {
        if (at >= countFrom) versionReads++;
        read(worker, at);
        worker.busyUntil = at + times.readSec;
      }
      if (issuer !== 0 || hasRefused || at < times.revokedAt) continue;
      const readAs = worker.readAs.get(0) ?? -1;
      if (readAs >= versionAt(changes, times.revokedAt)) {
        hasRefused = true;
        refusedAfter.push(at - times.revokedAt);
      }
    }
  }
  return { versionReads, issuerReads, refusedAfter };

  function read(worker: Worker, at: number): void {
    worker.confirmedAt = at;
    worker.version = versionAt(changes, at);
  }
}

/** The moments of all changes, sorted. */
function changeTimes(fleet: Fleet, times: SimulatedTimes, random: () => number): number[] {
  const changes = [times.revokedAt];
  if (fleet.changesPerSec > 0) {
    for (let at = 0; (at -= Math.log(1 - random()) / fleet.changesPerSec) < times.seconds;) {
      changes.push(at);
    }
  }
  return changes.sort((a, b) => a - b);
}

/** How many changes had been made. */
function versionAt(changes: readonly number[], at: number): number {
  let low = 0;
  let high = changes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (changes[middle]! <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Numbers that look random and are the same each time (mulberry32). */
export function seededRandom(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
