/**
 * Holds the simulation to a real run: 50 functions, each a process, on one registry; once with LISTEN and once polling.
 * Fails where they differ by more than `TOLERANCE` says. Minutes, and some 4 GB of memory.
 *
 * `deno run -A scripts/scale/real_run.ts [--workers N] [--seconds N] [--json FILE]`
 */
import { parseArgs } from "node:util";
import { publish, report, type Result, result } from "../bench/results/report.ts";
import { DEFAULT_FLEET, type Fleet, fleetOf } from "./fleet.ts";
import { issuerName, RealFleet } from "./real_fleet.ts";
import { seededRandom, simulate } from "./simulate.ts";

const { values } = parseArgs({
  options: {
    workers: { type: "string", default: "50" },
    seconds: { type: "string", default: "20" },
    json: { type: "string" },
  },
});
const WORKERS = Number(values.workers);
const SECONDS = Number(values.seconds);
const ISSUERS = 20;
const RATE = 2;
const REVOCATION_RATE = 10;
/** Seconds of requests before the revocation, and after. */
const [BEFORE, AFTER] = [9, 6];
/** A read over loopback, and a notification: `docs/measurements/freshness.md`. */
const TIMES = { readSec: 0.002, notifySec: 0.003 };
const TOLERANCE = {
  /** Of the statements. */
  reads: 0.15,
  /** And this many of each worker, because a stage of seconds begins and ends in the middle of a period. */
  readsOfEach: 0.5,
  /** Of the time until a revocation is refused, and seconds by which a busy machine may be late. */
  spread: 0.4,
  late: 1.5,
};

const results: Result[] = [];
const failures: string[] = [];
for (const listen of [true, false]) {
  const way = listen ? "LISTEN" : "polling";
  console.log(`${WORKERS} processes, ${way}`);
  await using fleet = await RealFleet.open(WORKERS, ISSUERS, listen);
  await compareReads(way, fleet, listen);
  await compareRevocation(way, fleet, listen);
}
await publish(report(`deno task scale:check`, results), values.json);
for (const failure of failures) console.error(failure);
Deno.exitCode = failures.length === 0 ? 0 : 1;

/** Three stages of the same traffic: new processes, processes that know every issuer, and after one change. */
async function compareReads(way: string, fleet: RealFleet, listen: boolean): Promise<void> {
  const stages = ["new processes", "later", "after a change of one issuer"];
  for (const [stage, name] of stages.entries()) {
    await fleet.forgetStatements();
    if (stage === 2) {
      const described = issuerName(ISSUERS - 1);
      await fleet.sql`
        update public.jwt_issuers set description = 'changed' where issuer = ${described}`;
    }
    const startsWithin = stage === 0 ? SECONDS / 2 : 1 / RATE;
    await fleet.send(
      RATE,
      SECONDS,
      startsWithin,
      () => Math.floor(Math.random() * ISSUERS),
      expect200,
    );
    const real = await fleet.statements();
    const countFrom = stage * SECONDS;
    const simulated = simulate(
      asFleet(ISSUERS, RATE, listen),
      {
        ...TIMES,
        seconds: countFrom + SECONDS,
        revokedAt: stage === 2 ? countFrom : Infinity,
        startsWithinSec: SECONDS / 2,
        countFrom,
      },
      seededRandom(1),
    );
    for (const kind of ["issuerReads", "versionReads"] as const) {
      const what = kind === "issuerReads" ? "reads of issuers" : "reads of the version";
      compared(`${way}, ${name}: ${what}`, "", real[kind], simulated[kind], {
        share: TOLERANCE.reads,
        more: WORKERS * TOLERANCE.readsOfEach,
      });
    }
  }
  compared(`${way}: connections`, "", await fleet.connections(), WORKERS * (listen ? 2 : 1), {});
}

async function compareRevocation(way: string, fleet: RealFleet, listen: boolean): Promise<void> {
  const firstRefusal = new Map<number, number>();
  let revokedAt = Infinity;
  const requests = fleet.send(
    REVOCATION_RATE,
    BEFORE + AFTER,
    DEFAULT_FLEET.maxStalenessSec,
    () => 0,
    (worker, sentAt, status) => {
      if (status === 401 && !firstRefusal.has(worker)) firstRefusal.set(worker, sentAt);
      else if (status !== 200 && status !== 401) {
        throw new Error(
          `Expected 200 or 401, got ${status}`,
        );
      }
    },
  );
  await new Promise((resolve) => setTimeout(resolve, BEFORE * 1_000));
  await fleet.sql`
    update public.jwt_issuers set is_active = false where issuer = ${issuerName(0)}`;
  revokedAt = performance.now();
  await requests;

  const real = [...firstRefusal.values()].map((at) => Math.max(0, at - revokedAt) / 1_000);
  const simulated = simulate(
    // More workers than there are: of 50, chance alone moves the middle by a fifth.
    { ...asFleet(1, REVOCATION_RATE, listen), workers: 20 * WORKERS },
    { ...TIMES, seconds: 60, revokedAt: 30 },
    seededRandom(2),
  ).refusedAfter;
  compared(`${way}: workers that refuse in the end`, "", real.length, WORKERS, {});
  for (const [name, share] of [["half of the workers refuse", 0.5], ["all refuse", 1]] as const) {
    const [ours, theirs] = [quantile(real, share), quantile(simulated, share)];
    compared(`${way}: ${name} after`, "s", ours, theirs, {
      share: TOLERANCE.spread,
      more: listen ? TOLERANCE.late : 0.3,
    });
  }
}

function asFleet(issuers: number, requestsPerSec: number, listen: boolean): Fleet {
  return fleetOf(WORKERS, issuers, {
    requestsPerSec,
    listen,
    workerLifeSec: Infinity,
    changesPerSec: 0,
  });
}

/** Notes both, and a failure where they differ by more than a share of what is simulated and some more. */
function compared(
  name: string,
  unit: string,
  real: number,
  simulated: number,
  { share = 0, more = 0 }: { share?: number; more?: number },
): void {
  results.push(
    result(`${name}, real`, unit, "less", [real]),
    result(`${name}, simulated`, unit, "less", [simulated]),
  );
  if (Math.abs(real - simulated) > share * simulated + more) {
    failures.push(`${name}: ${real} in the real run, ${simulated} simulated`);
  }
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil((sorted.length - 1) * share)] ?? NaN;
}

function expect200(_worker: number, _sentAt: number, status: number): void {
  if (status !== 200) throw new Error(`Expected 200, got ${status}`);
}
