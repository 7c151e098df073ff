/** The tables of `docs/explanation/scale.md`, computed. */
import type { Costs } from "./costs.ts";
import { type Fleet, fleetOf } from "./fleet.ts";
import { type Database, DATABASES, type Limit, limitsOf } from "./limits.ts";
import { type Load, loadOf } from "./model.ts";

const SIZES = [10, 1_000, 100_000];

/** A table as Markdown: the first row is its head. */
function table(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  return [head, head.map(() => "---"), ...body].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** What fleets of three sizes ask of the database. */
export function loadTable(costs: Costs): string {
  const fleets = SIZES.map((size) => fleetOf(size, size));
  const loads = fleets.map((fleet) => loadOf(fleet, costs));
  const row = (name: string, of: (load: Load, fleet: Fleet) => number, unit = "") => [
    name,
    ...loads.map((load, i) => figure(of(load, fleets[i]!), unit)),
  ];
  return table([
    ["", ...SIZES.map((size) => `${count(size)} workers, ${count(size)} issuers`)],
    row("connections to the pooler", (load) => load.connections),
    row("reads of the version", (load) => load.versionReads, "/s"),
    row("reads of an issuer", (load) => load.issuerReads, "/s"),
    row("new connections", (load) => load.connects, "/s"),
    row("changes of the registry", (_, fleet) => fleet.changesPerSec * 3_600, "/h"),
    row("tokens exchanged (planned)", (load) => load.exchanges, "/s"),
    row("statements for them (planned)", (load) => load.exchangeStatements, "/s"),
    row("usage reports (planned)", (load) => load.usageReports, "/s"),
    row("rows of them (planned)", (load) => load.usageRows, "/s"),
    row("write-ahead log of them (planned)", (load) => load.walMb, "MB/s"),
    row("cores of the database", (load) => load.cores),
  ]);
}

/** Which limit each combination of sizes meets first. */
export function firstLimitTable(costs: Costs): string {
  const database = DATABASES.find(({ name }) => name === "4XL")!;
  return table([
    ["", ...SIZES.map((issuers) => `${count(issuers)} issuers`)],
    ...SIZES.map((workers) => [
      `${count(workers)} workers`,
      ...SIZES.map((issuers) => {
        const [first] = limitsOf(
          loadOf(fleetOf(workers, issuers), costs),
          database,
          costs.planned,
        );
        return described(first!);
      }),
    ]),
  ]);
}

/** The most workers that each database serves, and what stops the next one. */
export function mostWorkersTable(costs: Costs): string {
  const runOn = { workerLifeSec: Infinity };
  const ways: readonly (readonly [name: string, issuers: number, changes: Partial<Fleet>])[] = [
    ["10 issuers, `LISTEN`", 10, { listen: true }],
    ["10 issuers, transaction pooler", 10, {}],
    ["1,000 issuers, transaction pooler", 1_000, {}],
    ["… workers that run on", 1_000, runOn],
    ["100,000 issuers, transaction pooler", 100_000, {}],
    ["… workers that run on", 100_000, runOn],
  ];
  return table([
    ["", ...DATABASES.map(({ name }) => name)],
    ...ways.map(([name, issuers, changes]) => [
      name,
      ...DATABASES.map((database) => {
        const { workers, limit } = mostWorkers(costs, database, issuers, changes);
        return `${count(workers)}: ${limit}`;
      }),
    ]),
  ]);
}

/** @returns The largest fleet for which nothing is used up, and what the next worker would use up. */
export function mostWorkers(
  costs: Costs,
  database: Database,
  issuers: number,
  changes: Partial<Fleet>,
): { workers: number; limit: string } {
  const first = (workers: number) =>
    limitsOf(loadOf(fleetOf(workers, issuers, changes), costs), database, costs.planned)[0]!;
  let low = 1;
  let high = 1_000_000;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (share(first(middle)) <= 1) low = middle;
    else high = middle;
  }
  return { workers: low, limit: first(high).name };
}

function share({ used, available }: Limit): number {
  return used / available;
}

function described(limit: Limit): string {
  const used = share(limit);
  return used <= 1
    ? `${Math.round(used * 100)} % of ${limit.name}`
    : `**${figure(used, "")} × ${limit.name}**`;
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** Two digits are all that the model is worth. */
function figure(value: number, unit: string): string {
  const rounded = Number(value.toPrecision(2));
  return `${rounded < 10 ? rounded : count(rounded)}${
    unit.startsWith("/") ? unit : unit && ` ${unit}`
  }`;
}
