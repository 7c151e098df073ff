/** A fleet of workers and what arrives at it: the input of the model, of the simulation and of the real run. */

export interface Fleet {
  readonly workers: number;
  readonly issuers: number;
  /** Requests a second at each worker, spread evenly over the issuers. */
  readonly requestsPerSec: number;
  /** Seconds that a worker lives; `Infinity` where a process runs on. */
  readonly workerLifeSec: number;
  /** Changes of the registry a second: registrations, rotations, revocations. */
  readonly changesPerSec: number;
  /** Seconds: `COUNTERSIGN_MAX_STALENESS`. */
  readonly maxStalenessSec: number;
  /** Whether workers LISTEN: on a direct connection or a session pooler. */
  readonly listen: boolean;
  /** Processes that renew an exchanged token, instead of sending their requests through workers. */
  readonly exchanging: number;
}

export const DEFAULT_FLEET = {
  requestsPerSec: 10,
  maxStalenessSec: 5,
  /** Half of the platform's 150 to 400 s, on average. */
  workerLifeSec: 137,
  /** An issuer's: one rotation in 90 days, and as many other changes again. */
  changesPerIssuerPerDay: 2 / 90,
} as const;

/** The fleet of `scale.md`: a worker and an issuer process for each issuer. */
export function fleetOf(
  workers: number,
  issuers: number,
  changes: Partial<Fleet> = {},
): Fleet {
  const { changesPerIssuerPerDay, ...defaults } = DEFAULT_FLEET;
  return {
    ...defaults,
    workers,
    issuers,
    changesPerSec: issuers * changesPerIssuerPerDay / 86_400,
    listen: false,
    exchanging: issuers,
    ...changes,
  };
}
