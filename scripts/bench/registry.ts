/**
 * Registries of three sizes, a flood of unknown issuers, and how soon a change is seen: Countersign
 * on a real Postgres around an upstream that always answers the same.
 *
 * `deno run -A scripts/bench/registry.ts [--sizes 10,1000,100000] [--json FILE]`
 */
import { parseArgs } from "node:util";
import { startLocalTarget } from "@countersign/local-target";
import postgres from "postgres";
import { coldStarts, memoryAfterTouching, openProxy, requestCosts } from "./registry/cost.ts";
import { measureFlood } from "./registry/flood.ts";
import { measureFreshness } from "./registry/freshness.ts";
import { type BenchIssuer, makeIssuers, register, SCHEMA } from "./registry/issuers.ts";
import { type Percentiles, percentiles } from "./registry/percentiles.ts";
import { type Report, report as reportOf, type Result, result } from "./results/report.ts";

/** The source keeps ten thousand; more than that shows that it keeps no more. */
const TOUCHED = 100_000;
/** Issuers in memory while requests are timed, at most: below the bound, so that none is evicted. */
const HELD = 8_000;
/** MB of heap for a proxy that shall fit an edge worker's 256 MB. */
const CONFINED = 128;
const ROUNDS = 31;
const COLD_STARTS = 5;
const TRIALS = 120;
const FLOOD = 50_000;
const MB = 1024 * 1024;

interface SizeReport {
  readonly issuers: number;
  readonly registeredPerSecond: number;
  readonly coldStartMs: Percentiles;
  readonly touched: number;
  readonly accepted: number;
  readonly rssStartMb: number;
  readonly rssTouchedMb: number;
  readonly heapLiveMb: number;
  /** After as many requests of ten issuers. */
  readonly rssFewIssuersMb: number;
  readonly heapLiveFewIssuersMb: number;
  readonly rssConfinedMb: number;
}

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    sizes: { type: "string", default: "10,1000,100000" },
    json: { type: "string" },
  },
});
const sizes = options.sizes.split(",").map(Number);
if (!sizes.every((size, i) => Number.isSafeInteger(size) && size > (sizes[i - 1] ?? 0))) {
  console.error('Option "--sizes" is not valid, expected growing whole numbers like "10,1000"');
  Deno.exit(2);
}

await using opened = new AsyncDisposableStack();
const target = opened.use(await startLocalTarget({ function: false, sql: [SCHEMA] }));
const sql = postgres(target.databaseUrl, { max: 10, onnotice: () => {} });
opened.defer(() => sql.end({ timeout: 1 }));

const registered: BenchIssuer[] = [];
const bySize: SizeReport[] = [];
for (const size of sizes) {
  const added = await makeIssuers(`service-${size}`, size - registered.length);
  const started = performance.now();
  await register(sql, added);
  const seconds = (performance.now() - started) / 1_000;
  registered.push(...added);
  await sql`analyze public.jwt_issuers, public.jwt_public_keys`;

  const touching = registered.slice(-TOUCHED);
  const { before, after, accepted } = await memoryAfterTouching(target.databaseUrl, touching);
  // As many requests of ten issuers: what traffic alone leaves behind.
  const few = touching.map((_, i) => touching[i % 10]!);
  const { after: control } = await memoryAfterTouching(target.databaseUrl, few);
  const { after: confined } = await memoryAfterTouching(target.databaseUrl, touching, CONFINED);
  bySize.push({
    issuers: size,
    registeredPerSecond: Math.round(added.length / seconds),
    coldStartMs: percentiles(
      await coldStarts(target.databaseUrl, registered.at(-1)!, COLD_STARTS),
    ),
    touched: touching.length,
    accepted,
    rssStartMb: Math.round(before.rss / MB),
    rssTouchedMb: Math.round(after.rss / MB),
    heapLiveMb: Math.round(after.heapLive / MB),
    rssFewIssuersMb: Math.round(control.rss / MB),
    heapLiveFewIssuersMb: Math.round(control.heapLive / MB),
    rssConfinedMb: Math.round(confined.rss / MB),
  });
  console.error(JSON.stringify(bySize.at(-1)));
}

const held = sizes.map((size) => registered.slice(0, Math.min(size, HELD)));
const costs = await requestCosts(
  held.map((held) => ({ handler: opened.use(openProxy(target.databaseUrl)).handler, held })),
  ROUNDS,
);
const flood = await measureFlood(target.databaseUrl, registered[0]!, FLOOD);
const freshness = [
  await measureFreshness(target.databaseUrl, sql, true, TRIALS),
  await measureFreshness(target.databaseUrl, sql, false, TRIALS),
];

const measured = {
  registries: bySize.map((size, i) => ({ ...size, held: held[i]!.length, ...costs[i]! })),
  flood,
  freshness,
};
print(measured);
if (options.json !== undefined) {
  const report: Report & typeof measured = {
    ...reportOf(
      `deno run -A scripts/bench/registry.ts --sizes ${options.sizes}`,
      results(measured),
    ),
    ...measured,
  };
  await Deno.writeTextFile(options.json, `${JSON.stringify(report, null, 2)}\n`);
}

/** What two runs are compared by. */
function results({ registries, flood, freshness }: typeof measured): Result[] {
  const one = (name: string, unit: string, value: number) => result(name, unit, "less", [value]);
  const of = (name: string, unit: string, { p25, p50, p75 }: Percentiles): Result => (
    { name, unit, better: "less", low: p25, value: p50, high: p75 }
  );
  return [
    ...registries.flatMap((size) => {
      const name = `registry of ${size.issuers}`;
      return [
        of(`${name}: token seen before`, "µs", size.seenUs),
        of(`${name}: fresh token`, "µs", size.freshUs),
        of(`${name}: cold start to the first answer`, "ms", size.coldStartMs),
        one(`${name}: heap in use`, "MB", size.heapLiveMb),
        one(`${name}: resident, heap confined`, "MB", size.rssConfinedMb),
      ];
    }),
    one("flood: statements to the database", "/s", flood.queriesPerSecond),
    of("flood: a known issuer's request while it lasts", "ms", flood.flooded),
    ...freshness.flatMap(({ listen, registered, revoked }) => {
      const how = listen ? "with LISTEN" : "polling";
      return [
        of(`${how}: registered to accepted`, "ms", registered),
        of(`${how}: revoked to refused`, "ms", revoked),
      ];
    }),
  ];
}

function print({ registries, flood, freshness }: typeof measured): void {
  console.log("\nRegistries");
  console.table(registries.map(({ coldStartMs, seenUs, freshUs, ...row }) => ({
    ...row,
    seenUs: seenUs.p50,
    freshUs: freshUs.p50,
    coldStartP50: coldStartMs.p50,
    coldStartMax: coldStartMs.max,
  })));
  const { quiet, goodLoad, flooded, ...figures } = flood;
  console.log("\nFlood of unknown issuers; latencies of a known one in ms");
  console.table([{ ...figures, statuses: JSON.stringify(figures.statuses) }]);
  console.table({ quiet, "good requests at the same rate": goodLoad, flooded });
  console.log("\nMilliseconds from the commit to the first answer that knows it");
  for (const { listen, registered, revoked } of freshness) {
    console.log(listen ? "with LISTEN" : "without LISTEN");
    console.table({ registered, revoked });
  }
}
