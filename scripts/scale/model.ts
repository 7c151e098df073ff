/**
 * What a fleet asks of the registry's Postgres, in closed form. It follows `postgres_key_source.ts`: one version covers
 * all records, it is confirmed from half of the staleness on while requests come, and any change of it has each record
 * read again before its next use.
 *
 * Cannot see: bursts (all figures are means), the network, and Postgres' own work for other clients.
 */
import type { Costs } from "./costs.ts";
import type { Fleet } from "./fleet.ts";

export interface Load {
  /** Connections of all workers to Postgres or its pooler. */
  readonly connections: number;
  /** Of them, those that LISTEN, which no transaction pooler can share. */
  readonly listening: number;
  /** Statements a second that confirm the version. */
  readonly versionReads: number;
  /** Statements a second that read an issuer, for the first time in a worker's life or after a change. */
  readonly issuerReads: number;
  /** New connections a second. */
  readonly connects: number;
  /** Notifications delivered a second, to all listeners together. */
  readonly notifications: number;
  /** Tokens exchanged a second. */
  readonly exchanges: number;
  /** Statements a second that exchanges cost. */
  readonly exchangeStatements: number;
  /** Usage reports a second. */
  readonly usageReports: number;
  /** Rows that they write a second. */
  readonly usageRows: number;
  /** Reports a second that write to the busiest row: all workers' traffic of one issuer is one row. */
  readonly busiestRow: number;
  /** Megabytes of write-ahead log a second. */
  readonly walMb: number;
  /** Cores of the database's machine. */
  readonly cores: number;
  /** Memory of the server for connections, megabytes, if none is shared by a pooler. */
  readonly connectionMb: number;
  /** Milliseconds from a change until the last listener was told of it, on one core. */
  readonly toldWithinMs: number;
  /** Milliseconds from a revocation until it is refused everywhere, at most. */
  readonly refusedWithinMs: number;
}

export function loadOf(fleet: Fleet, { measured, planned }: Costs): Load {
  const { workers, issuers, requestsPerSec: rate } = fleet;
  const connectionsPerWorker = fleet.listen ? 2 : 1;
  const connections = workers * connectionsPerWorker;
  const listening = fleet.listen ? workers : 0;

  const starts = workers / fleet.workerLifeSec;
  const firstSights = fleet.workerLifeSec === Infinity
    ? 0
    : starts * distinct(issuers, rate * fleet.workerLifeSec);
  // Of each issuer's requests, the first after each change of any issuer.
  const rereads = workers * rate * share(fleet.changesPerSec, rate / issuers);
  const issuerReads = Math.min(firstSights + rereads, workers * rate);
  // From half of the staleness on, with the next request, unless a read of an issuer has confirmed it before.
  const due = fleet.maxStalenessSec / 2 + 0.5 / rate;
  const versionReads = workers * firstOf(issuerReads / workers, due);
  const connects = starts * connectionsPerWorker;
  const notifications = listening * fleet.changesPerSec;

  const exchanges = fleet.exchanging / (planned.exchangedTokenSec * 0.8);
  const exchangeStatements = exchanges * planned.statementsPerExchange;

  const usageReports = workers / planned.usageIntervalSec;
  const issuersPerReport = distinct(issuers, rate * planned.usageIntervalSec);
  const usageRows = usageReports *
    (issuersPerReport * planned.outcomesPerIssuer + planned.heartbeatRows);
  const busiestRow = usageReports * issuersPerReport / issuers;

  const milliseconds = versionReads * measured.versionReadMs +
    issuerReads * measured.issuerReadMs +
    connects * measured.connectMs +
    notifications * measured.notifyListenerMs +
    exchangeStatements * measured.versionReadMs +
    usageRows * measured.usageRowMs;
  const toldWithinMs = listening * measured.notifyListenerMs;
  return {
    connections,
    listening,
    versionReads,
    issuerReads,
    connects,
    notifications,
    exchanges,
    exchangeStatements,
    usageReports,
    usageRows,
    busiestRow,
    walMb: usageRows * measured.usageRowWalBytes / 1e6,
    cores: milliseconds / 1_000,
    connectionMb: connections * measured.connectionMb,
    toldWithinMs,
    refusedWithinMs: fleet.maxStalenessSec * 1_000,
  };
}

/** How often the first of two kinds of random events comes before the second. */
function share(first: number, second: number): number {
  return first / (first + second);
}

/** How often a second something happens that is due after `due` seconds, and put off by random events. */
function firstOf(eventsPerSec: number, due: number): number {
  if (eventsPerSec * due < 1e-6) return 1 / due;
  return eventsPerSec / Math.expm1(eventsPerSec * due);
}

/** How many of `issuers` are expected among `requests` that are spread evenly. */
export function distinct(issuers: number, requests: number): number {
  if (requests === Infinity) return issuers;
  return issuers * -Math.expm1(-requests / issuers);
}
