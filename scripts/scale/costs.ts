/** What one of each thing costs, as measured or planned, from `costs.json`. */
import type { Report } from "../bench/results/report.ts";

/** Measured by `measure.ts` on a real Postgres. Processor time is the server's. */
export interface MeasuredCosts {
  /** Reading the registry's version, milliseconds of processor time. */
  readonly versionReadMs: number;
  /** Reading one issuer with the version, milliseconds of processor time. */
  readonly issuerReadMs: number;
  /** A new connection until it has answered one statement, milliseconds of processor time. */
  readonly connectMs: number;
  /** What an idle connection of a worker keeps in the server, megabytes. */
  readonly connectionMb: number;
  /** Telling one listener of one change, milliseconds of processor time. */
  readonly notifyListenerMs: number;
  /** One row of a usage report, bytes of write-ahead log. */
  readonly usageRowWalBytes: number;
  /** One row of a usage report, milliseconds of processor time. */
  readonly usageRowMs: number;
}

/** Of parts that do not exist yet, as the design has them. Change them here. */
export interface PlannedCosts {
  /** Seconds between two usage reports of a worker. */
  readonly usageIntervalSec: number;
  /** Outcomes that are reported of an issuer on average, one row each. */
  readonly outcomesPerIssuer: number;
  /** Rows of a worker's own in each report: its heartbeat. */
  readonly heartbeatRows: number;
  /** Seconds for which a report's transaction holds the rows that other workers report to as well. */
  readonly usageRowHeldSec: number;
  /** Statements of the database for one exchanged token. */
  readonly statementsPerExchange: number;
  /** Seconds that an exchanged token lives; it is renewed at four fifths of that. */
  readonly exchangedTokenSec: number;
}

export interface Costs {
  readonly measured: MeasuredCosts & {
    readonly by: Pick<Report, "command" | "at" | "machine" | "versions">;
  };
  readonly planned: PlannedCosts;
}

const FILE = new URL("costs.json", import.meta.url);

export async function readCosts(): Promise<Costs> {
  return JSON.parse(await Deno.readTextFile(FILE));
}

/** Replaces what was measured, and leaves what is planned. */
export async function writeMeasured(measured: Costs["measured"]): Promise<void> {
  const { planned } = await readCosts();
  await Deno.writeTextFile(FILE, `${JSON.stringify({ measured, planned }, null, 2)}\n`);
}
