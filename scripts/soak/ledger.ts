/** Who was told what about which row, held against the table at the end. */
import type postgres from "postgres";
import type { Judge } from "./model.ts";

export class Ledger {
  /** Answered 201: has to be there, once. */
  readonly #acknowledged = new Set<string>();
  /** Refused by name: must not be there. */
  readonly #refused = new Set<string>();
  #count = 0;

  /** A name that says who wrote it. */
  name(issuer: string): string {
    return `${issuer}:${this.#count++}`;
  }

  acknowledge(name: string): void {
    this.#acknowledged.add(name);
  }

  refuse(name: string): void {
    this.#refused.add(name);
  }

  async settle(sql: postgres.Sql, judge: Judge): Promise<{ written: number; rows: number }> {
    const rows = new Set<string>();
    const stored = sql<{ name: string; owner_issuer: string; times: number }[]>`
      select name, owner_issuer, count(*)::int as times from public.invoices group by 1, 2`;
    for await (const batch of stored.cursor(5_000)) {
      for (const { name, owner_issuer, times } of batch) {
        rows.add(name);
        if (times > 1) judge.wrong(`Row "${name}" is there ${times} times`);
        if (this.#refused.has(name)) judge.wrong(`Row "${name}" is there and was refused`);
        if (name.split(":")[0] !== owner_issuer) {
          judge.wrong(`Row "${name}" is owned by "${owner_issuer}"`);
        }
      }
    }
    for (const name of this.#acknowledged) {
      if (!rows.has(name)) judge.wrong(`Row "${name}" was acknowledged and is not there`);
    }
    return { written: this.#acknowledged.size, rows: rows.size };
  }
}
