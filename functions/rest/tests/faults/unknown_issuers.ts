import assert from "node:assert/strict";
import { connectPostgres, type PostgresClient, postgresKeySource } from "@countersign/swap-proxy";
import fc from "fast-check";
import type { Fault } from "./fault.ts";

/** Reads for unseen names: so many at once after a pause, then so many a second. */
const BURST = 5;
const PER_SECOND = 5;
/** Confirmations of the version, from half of this on. */
const STALENESS = 1_000;

export const UNKNOWN_ISSUERS: Fault = {
  name: "floods of unknown issuers cost a bounded number of queries",
  async run({ stage }) {
    const client = connectPostgres(stage.target.databaseUrl);
    let queries = 0;
    const counted: PostgresClient = {
      ...client,
      query: (text, params) => (queries++, client.query(text, params)),
    };
    const source = postgresKeySource(counted, { maxStaleness: STALENESS });
    const opened = performance.now();
    let names = 0;
    try {
      assert.ok(await source.find("billing"));
      const flood = fc.array(fc.integer({ min: 1, max: 1_500 }), { minLength: 1, maxLength: 4 });
      await fc.assert(
        fc.asyncProperty(flood, async (batches) => {
          for (const batch of batches) {
            // Who finds the waiting room full is turned away, and never taken for somebody known.
            const found = await Promise.allSettled(
              Array.from({ length: batch }, () => source.find(`unknown-${names++}`)),
            );
            for (const one of found) {
              assert.ok(one.status === "rejected" || one.value === undefined);
            }
            assert.ok(await source.find("billing"));
          }
          const seconds = (performance.now() - opened) / 1_000;
          const allowed = BURST + seconds * (PER_SECOND + 2_000 / STALENESS) + 2;
          assert.ok(queries <= allowed, `${queries} queries in ${seconds} s for ${names} names`);
        }),
        { numRuns: 8 },
      );
    } finally {
      await source.close();
      await client.end();
    }
  },
};
