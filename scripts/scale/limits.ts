/** What a database can take, and which limit a fleet meets first. */
import type { PlannedCosts } from "./costs.ts";
import type { Load } from "./model.ts";

export interface Database {
  readonly name: string;
  /** Connections that workers may have of it, directly or by a session pooler. */
  readonly direct: number;
  /** Clients of its transaction pooler. */
  readonly pooled: number;
  /** Cores that the registry may take: a quarter of them. */
  readonly cores: number;
  /** Megabytes of write-ahead log a second that the registry may write. */
  readonly walMb: number;
}

/**
 * Connections as Supabase documents them for a compute size; four fifths of the direct ones are left to workers. The
 * write-ahead log is a quarter of what the size's disk sustains.
 */
export const DATABASES: readonly Database[] = [
  { name: "Small", direct: 72, pooled: 400, cores: 0.5, walMb: 5 },
  { name: "4XL", direct: 384, pooled: 3_000, cores: 4, walMb: 100 },
  { name: "16XL", direct: 400, pooled: 12_000, cores: 16, walMb: 300 },
];

/** One thing that runs out. */
export interface Limit {
  readonly name: string;
  readonly used: number;
  readonly available: number;
  readonly unit: string;
}

/** Every limit, the one that is met first at the top. */
export function limitsOf(load: Load, database: Database, planned: PlannedCosts): Limit[] {
  const listens = load.listening > 0;
  const limits: Limit[] = [
    {
      name: listens ? "direct connections" : "pooler clients",
      used: load.connections,
      available: listens ? database.direct : database.pooled,
      unit: "",
    },
    { name: "cores of the database", used: load.cores, available: database.cores, unit: "" },
    {
      name: "reports to one usage row",
      used: load.busiestRow,
      // Each holds the row until its transaction has ended.
      available: 1 / planned.usageRowHeldSec,
      unit: "/s",
    },
    { name: "write-ahead log of usage", used: load.walMb, available: database.walMb, unit: "MB/s" },
    {
      name: "telling listeners of a change",
      used: load.toldWithinMs,
      // Above this, polling is as fast.
      available: load.refusedWithinMs / 2,
      unit: "ms",
    },
  ];
  return limits.sort((a, b) => b.used / b.available - a.used / a.available);
}
