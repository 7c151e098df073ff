import assert from "node:assert/strict";
import { readCosts } from "./costs.ts";
import { fleetOf } from "./fleet.ts";
import { distinct, loadOf } from "./model.ts";
import { seededRandom, simulate } from "./simulate.ts";

const TIMES = { seconds: 600, readSec: 0.002, notifySec: 0.003, revokedAt: 300 };
const costs = await readCosts();

Deno.test("distinct() counts issuers, not requests", () => {
  assert.ok(Math.abs(distinct(10, 1e6) - 10) < 1e-9);
  assert.ok(Math.abs(distinct(1e9, 100) - 100) < 0.001);
  assert.equal(distinct(10, Infinity), 10);
});

Deno.test("the closed form and the simulation read the registry equally often", () => {
  const cases = [
    fleetOf(40, 10, { workerLifeSec: Infinity, changesPerSec: 0 }),
    fleetOf(40, 10, { workerLifeSec: Infinity, changesPerSec: 0, requestsPerSec: 1 }),
    fleetOf(40, 200, { workerLifeSec: Infinity, changesPerSec: 0.5, listen: true }),
    fleetOf(40, 20, { workerLifeSec: Infinity, changesPerSec: 0.1, maxStalenessSec: 2 }),
  ];
  for (const fleet of cases) {
    const load = loadOf(fleet, costs);
    const seen = simulate(fleet, TIMES, seededRandom(1));
    // Each worker's first read of each issuer, which processes that run on do only once.
    const first = fleet.workers *
      distinct(fleet.issuers, fleet.requestsPerSec * TIMES.seconds);
    // The revocation is one change more than the fleet has.
    const more = fleet.workers * fleet.issuers;
    const reads = seen.issuerReads + seen.versionReads;
    const expected = (load.issuerReads + load.versionReads) * TIMES.seconds + first + more;
    assert.ok(
      Math.abs(reads / expected - 1) < 0.1,
      `${JSON.stringify(fleet)}: ${reads} simulated, ${expected} computed`,
    );
  }
});

Deno.test("a revocation is refused everywhere within the staleness, and at once where it is heard", () => {
  const polling = fleetOf(200, 1, { workerLifeSec: Infinity, changesPerSec: 0 });
  const refused = simulate(polling, TIMES, seededRandom(2)).refusedAfter;
  assert.equal(refused.length, 200);
  assert.ok(Math.max(...refused) <= polling.maxStalenessSec);
  assert.ok(Math.max(...refused) > polling.maxStalenessSec / 2 * 0.9);

  const listening = simulate({ ...polling, listen: true }, TIMES, seededRandom(2)).refusedAfter;
  assert.equal(listening.length, 200);
  assert.ok(Math.max(...listening) <= TIMES.notifySec + 1 / polling.requestsPerSec + 1e-9);
});
